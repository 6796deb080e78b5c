# An app in the image of its postgres, that finds it by what it depends on: each request is a query, and the answer is what
# psql printed.
use strict;
use warnings;
use IO::Socket::INET;

my ($query) = @ARGV;
open my $file, '<', $ENV{SWITCHYARD_DB_PASSWORD_FILE} or die "password: $!";
@ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = @ENV{map { "SWITCHYARD_DB_$_" } qw(HOST PORT USER DATABASE)};
@ENV{qw(PGPASSWORD PGCONNECT_TIMEOUT)} = (do { local $/; <$file> }, 3);

$SIG{TERM} = sub { exit };
my $server = IO::Socket::INET->new(LocalPort => 3000, Listen => 64, ReuseAddr => 1) or die "listen: $!";
while (my $client = $server->accept) {
    my $request = <$client> // '';
    while (defined(my $header = <$client>)) { last if $header eq "\r\n" }
    my ($status, $answer) = ('200 OK', 'ok');
    if ($request !~ m{ /health }) {
        open my $psql, '-|', 'psql', '-XAtqc', $query or die "psql: $!";
        $answer = join '', <$psql>;
        $status = '500 Internal Server Error' unless close $psql;
    }
    print $client "HTTP/1.1 $status\r\nConnection: close\r\nContent-Length: ", length $answer, "\r\n\r\n$answer";
    close $client;
}
