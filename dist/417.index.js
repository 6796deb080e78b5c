"use strict";
exports.id = 417;
exports.ids = [417];
exports.modules = {
  7417:
  ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {
__webpack_require__.r(__webpack_exports__);
__webpack_require__.d(__webpack_exports__, {
  createBackups: () => (  createBackups),
  listBackups: () => (  listBackups),
  pruneOldBackups: () => (  pruneOldBackups),
  pullBackups: () => (  pullBackups),
  restoreBackups: () => (  restoreBackups),
  verifyBackups: () => (  verifyBackups)
});
var environment = __webpack_require__(3882);
var backups = __webpack_require__(1629);
var timeline = __webpack_require__(8168);
var fleet = __webpack_require__(7492);
var errors = __webpack_require__(6454);
var model_spec = __webpack_require__(238);
var open_edge = __webpack_require__(1042);
var known_nginx = __webpack_require__(669);
var observe = __webpack_require__(7277);
var service_plan = __webpack_require__(1030);
var steps_context = __webpack_require__(1196);
var drain = __webpack_require__(6073);
var healthy = __webpack_require__(9296);
var queue = __webpack_require__(6208);
;
async function whileStopped(environment, pause, work) {
	const { service, server, log, clock, signal } = pause;
	const copy = await lookAt(environment, pause);
	const { spec, check, context, servers } = copy;
	const { engine } = environment.fleet.server(server);
	const isHeld = spec.route.queueRequestsMs !== undefined;
	const target = { service, id: pause.id, name: check.name, ports: (0,model_spec .a5)(spec).map(({ port }) => port) };
	const { drainTimeoutMs, stopGracePeriodMs } = spec.policy;
	const stopping = { ...context, clock: clock.endingWith(signal) };
	await context.guard.confirm();
	try {
		if (isHeld) {
			await (0,queue .gk)({ service, servers }, context, true);
			const open = await (0,drain .mH)(stopping, server, { ...target, timeoutMs: drainTimeoutMs });
			(0,drain .E5)(context, { name: check.name, server, timeoutMs: drainTimeoutMs }, open, 'cut');
		}
		log.info(`${server}: ${check.name} is stopped while its files are read`);
		await engine.stopContainer(pause.id, Math.ceil(stopGracePeriodMs / 1000));
		return await work();
	}
	finally {
		await engine.startContainer(pause.id);
		await resume(copy, stopping);
	}
}
async function resumeStopped(environment, pause) {
	const copy = await lookAt(environment, pause);
	const { server, log, id, clock, signal } = pause;
	log.warning(`${server}: ${copy.check.name} was left stopped by a run that was killed, and is started`);
	await copy.context.guard.confirm();
	await environment.fleet.server(server).engine.startContainer(id);
	await resume(copy, { ...copy.context, clock: clock.endingWith(signal) });
}
async function resume({ check, context, servers }, waiting) {
	try {
		await (0,healthy .iX)(check, waiting);
		await (0,fleet .i)([...context.known.instances.values()].map((nginx) => (0,open_edge .Ph)(nginx, context.scope, check.service, waiting.clock)));
	}
	finally {
		await (0,queue .gk)({ service: check.service, servers }, context, false);
	}
}
async function lookAt({ wanted, fleet, journal }, pause) {
	const { service, server, id, run, log, clock, signal } = pause;
	const spec = wanted.services.find(({ name }) => name === service);
	if (spec === undefined)
		throw new Error(`${service} is not in the file`);
	const scope = { project: wanted.project, environment: wanted.environment };
	const observed = await fleet.onAll((one) => (0,observe .lB)(one, scope, wanted, clock));
	const known = new steps_context .vs();
	for (const one of observed)
		(0,known_nginx .q)(known, fleet.server(one.name), one, clock);
	const copy = observed.find(({ name }) => name === server)?.copies.find((one) => one.id === id);
	if (copy === undefined) {
		throw new errors .yo(`${server}: the container of ${service} was replaced meanwhile`, {
			hint: 'Run again.',
		});
	}
	const { lease } = journal;
	if (lease === undefined)
		throw new Error('nobody may stop a copy without the lease');
	const context = {
		...{ fleet, scope, servers: wanted.servers, nginx: wanted.nginx, log, clock, known },
		guard: { run, fence: lease.fence, signal, confirm: () => lease.confirm() },
	};
	const check = (0,service_plan .EG)({ name: service, spec }, server, copy.slot, copy.name);
	return { spec, check, context, servers: observed.map(({ name }) => name) };
}
var backup_target = __webpack_require__(7649);
;
function chooseBackup(service, receipts, which, latestOf) {
	const trusted = receipts.filter((one) => latestOf === 'made' || isTrusted(one));
	if (which === 'latest') {
		const latest = trusted.at(-1);
		if (latest !== undefined)
			return latest;
		throw none(service, receipts, receipts.length === 0 ? 'there is no backup of' : 'no backup was verified of');
	}
	const named = receipts.find(({ id }) => id === which);
	if (named !== undefined)
		return named;
	const time = Date.parse(which);
	if (Number.isNaN(time))
		throw none(service, receipts, `${JSON.stringify(which)} is no backup of`);
	const before = trusted.filter(({ began_at }) => Date.parse(began_at) <= time).at(-1);
	if (before !== undefined)
		return before;
	throw none(service, receipts, `no backup that counts began before ${new Date(time).toISOString()} of`);
}
function isTrusted({ verified, unverified, found_at }) {
	return verified !== undefined || (found_at !== undefined && unverified === undefined);
}
const TOLD = 5;
function none(service, receipts, what) {
	const last = receipts
		.slice(-TOLD)
		.map(({ id, verified }) => `${id}${verified === undefined ? ' (not verified)' : ''}`)
		.join(', ');
	return new errors .yo(`${what} ${service} on the record`, {
		hint: last === ''
			? 'Make one: the action backup with "operation: create".'
			: `The last ones are ${last}. Name one as the input "backup", or a time such as 2026-11-30T03:00Z.`,
	});
}
var http = __webpack_require__(3617);
var model_labels = __webpack_require__(6882);
;
async function findRunning(server, scope, service) {
	const found = await findStanding(server, scope, service);
	return found?.isRunning ? found : undefined;
}
async function findStanding(server, scope, service) {
	const { engine } = server;
	const label = [
		`${model_labels .d.role}=service`,
		`${model_labels .d.project}=${scope.project}`,
		`${model_labels .d.environment}=${scope.environment}`,
		`${model_labels .d.service}=${service}`,
	];
	const found = await engine.listContainers({ label });
	const byAge = found.sort((a, b) => (b.Created ?? 0) - (a.Created ?? 0));
	const newest = byAge.find(({ State }) => State === 'running') ?? byAge[0];
	if (newest?.Id === undefined)
		return undefined;
	const { Config, Image, Args, Path, HostConfig, Mounts } = await engine.inspectContainer(newest.Id);
	const labels = Config?.Labels ?? {};
	const command = [Path ?? '', ...(Args ?? [])];
	return {
		id: newest.Id,
		image: labels[model_labels .d.version] ?? Config?.Image ?? '',
		imageId: Image ?? '',
		release: Number(labels[model_labels .d.release] ?? 0),
		memoryBytes: HostConfig?.Memory || undefined,
		isRunning: newest.State === 'running',
		volumes: (Mounts ?? []).flatMap(({ Type, Name }) => (Type === 'volume' && Name ? [Name] : [])),
		variables: Config?.Env ?? [],
		workingDir: Config?.WorkingDir || '/',
		command,
		configuration: await configurationOf(server, newest.Id, command),
		environment: await environmentOf(server, newest.Id, Config?.Env ?? []),
	};
}
const FILE = '_FILE';
async function environmentOf({ engine }, id, said) {
	const pairs = said.map((pair) => {
		const at = pair.indexOf('=');
		return [pair.slice(0, at), pair.slice(at + 1)];
	});
	const read = pairs.map(async ([name, value]) => {
		if (!name.endsWith(FILE) || !value.startsWith('/'))
			return [name, value];
		try {
			const [text = ''] = (await engine.readFiles(id, value)).values();
			return [name.slice(0, -FILE.length), text.replace(/\n+$/, '')];
		}
		catch (error) {
			if ((0,http .zM)(error, 404))
				return [name, value];
			throw error;
		}
	});
	return Object.fromEntries(await Promise.all(read));
}
async function configurationOf({ engine }, id, command) {
	const path = command.find((word) => word.startsWith('/') && word.endsWith('.conf'));
	if (path === undefined)
		return undefined;
	try {
		return [...(await engine.readFiles(id, path)).values()][0];
	}
	catch (error) {
		if ((0,http .zM)(error, 404))
			return undefined;
		throw error;
	}
}
var backup = __webpack_require__(1939);
var schemas = __webpack_require__(3045);
var iso = __webpack_require__(3477);
;
const ABOUT_FILE = 'about.json';
const About = schemas ._H3({
	schema: schemas .euz(1),
	project: schemas .YjP(),
	environment: schemas .YjP(),
	service: schemas .YjP(),
	id: schemas .YjP(),
	content: schemas .k5n([...backup .L, 'volumes', 'command']),
	server: schemas .YjP(),
	release: schemas .Whr(),
	image: schemas .YjP(),
	began_at: iso .w$(),
	query: schemas .YjP().optional(),
	run: schemas .YjP(),
	actor: schemas .YjP(),
});
function aboutText(about) {
	return `${JSON.stringify(about, undefined, 2)}\n`;
}
function parseAbout(text) {
	try {
		const parsed = About.safeParse(JSON.parse(text ?? ''));
		return parsed.success ? parsed.data : undefined;
	}
	catch {
		return undefined;
	}
}
var external_node_crypto_ = __webpack_require__(7598);
;
function newBackupId(at) {
	const time = at
		.toISOString()
		.replaceAll(/[-:]|\.\d+/g, '')
		.toLowerCase();
	return `${time}-${(0,external_node_crypto_.randomBytes)(2).toString('hex')}`;
}
function resticTime(at) {
	return at.toISOString().replace('T', ' ').slice(0, 19);
}
;
const JOB_FOLDER = '/run/switchyard-backup';
const NO_ACCESS = { command: [], environment: {}, files: {}, mounts: [] };
;
const Fact = schemas .KCZ([
	schemas .PVZ([schemas .euz('rows'), schemas .YjP(), schemas .Whr()]),
	schemas .PVZ([schemas .euz('sequence'), schemas .YjP(), schemas .aig()]),
	schemas .PVZ([schemas .euz('index'), schemas .YjP()]),
	schemas .PVZ([schemas .euz('objects'), schemas .YjP(), schemas .Whr()]),
]);
function countedFacts(output) {
	const lines = (output.get('facts') ?? '').split('\n').filter((line) => line !== '');
	const facts = lines.map((line) => Fact.parse(JSON.parse(line)));
	const query = output.get('query') ?? '';
	const pick = (kind) => Object.fromEntries(facts.flatMap(([of, name, count]) => (of === kind ? [[name, count ?? 0]] : [])));
	const sequences = pick('sequence');
	return {
		rows: pick('rows'),
		...(Object.keys(sequences).length > 0 && { sequences }),
		indexes: facts.flatMap(([of, name]) => (of === 'index' ? [name] : [])),
		objects: pick('objects'),
		...(query !== '' && { query: query.trimEnd() }),
	};
}
;
const OWN = `('information_schema', 'mysql', 'performance_schema', 'sys')`;
const identifier = (column) => `'\`', REPLACE(${column}, '\`', '\`\`'), '\`'`;
const ofTable = (columns) => `SELECT ${columns} FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ${OWN}`;
const DATABASES_SQL = `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ${OWN} ORDER BY 1;\n`;
const LOCK_SQL = `SET SESSION sql_mode = '';
SET SESSION group_concat_max_len = 16777216;
${ofTable(`CONCAT('LOCK TABLES ', GROUP_CONCAT(${identifier('TABLE_SCHEMA')}, '.', ${identifier('TABLE_NAME')}, ' READ' SEPARATOR ', '), ';')`)} HAVING COUNT(*) > 0;
`;
const ROWS_SQL = `SET SESSION sql_mode = '';
${ofTable(`CONCAT('SELECT JSON_ARRAY(''rows'', ', QUOTE(CONCAT(TABLE_SCHEMA, '.', TABLE_NAME)), ', COUNT(*)) FROM ', ${identifier('TABLE_SCHEMA')}, '.', ${identifier('TABLE_NAME')}, ';')`)} AND ENGINE = 'InnoDB' ORDER BY TABLE_SCHEMA, TABLE_NAME;
`;
const objects = (name, table, schema) => `SELECT JSON_ARRAY('objects', '${name}', COUNT(*)) FROM information_schema.${table} WHERE ${schema} NOT IN ${OWN}`;
const OBJECTS_SQL = `SELECT DISTINCT JSON_ARRAY('index', CONCAT(TABLE_SCHEMA, '.', TABLE_NAME, '.', INDEX_NAME))
FROM information_schema.STATISTICS WHERE TABLE_SCHEMA NOT IN ${OWN};
${objects('tables', 'TABLES', 'TABLE_SCHEMA')} AND TABLE_TYPE = 'BASE TABLE';
${objects('views', 'VIEWS', 'TABLE_SCHEMA')};
${objects('functions and procedures', 'ROUTINES', 'ROUTINE_SCHEMA')};
${objects('triggers', 'TRIGGERS', 'TRIGGER_SCHEMA')};
${objects('events', 'EVENTS', 'EVENT_SCHEMA')};
${objects('constraints', 'TABLE_CONSTRAINTS', 'CONSTRAINT_SCHEMA')};
`;
const PROGRAMS = `client=mariadb dump=mariadb-dump admin=mariadb-admin server=mariadbd
command -v "$client" >/dev/null || { client=mysql dump=mysqldump admin=mysqladmin server=mysqld; }
# ask CONFIGURATION ...: rows as they are, without titles.
ask() {
  configuration=$1
  shift
  "$client" --defaults-file="$configuration" --batch --raw --skip-column-names "$@"
}
`;
const DUMP = `set -eu
umask 077
job=$PWD
mkdir about
cp about.json about
. ./programs.sh
"$dump" --version >out/version
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
  --stdin-filename "$DATA_PATH" --stdin-from-command -- /bin/sh "$job/stream.sh" >out/data.json
cp about/facts about/query out
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$job/about" >out/about.json
"$@" version --json >out/restic.json
`;
const STREAM = `set -eu
umask 077
# A session that has ended shows by what it does not answer.
trap '' PIPE
. ./programs.sh
# open NAME: a session that reads ask-NAME and writes answer-NAME.
open() {
  mkfifo "ask-$1" "answer-$1"
  ask client.cnf --unbuffered <"ask-$1" >"answer-$1" 2>"error-$1" &
}
# failed NAME: what the session said last.
failed() {
  cat "error-$1" >&2
  exit 1
}

ask client.cnf <databases.sql >databases
if ! [ -s databases ]; then
  echo 'there is no database that this user may read' >&2
  exit 1
fi
set --
while IFS= read -r database; do set -- "$@" "$database"; done <databases
ask client.cnf <lock.sql >lock

tries=0
while :; do
  open lock
  exec 3>ask-lock 4<answer-lock
  { echo 'SET SESSION lock_wait_timeout = 1;'; cat lock; echo "SELECT 'locked';"; } >&3
  said=
  # Who has ended says nothing, and what was said is looked at.
  read -r said <&4 || true
  [ "$said" != locked ] || break
  exec 3>&- 4<&-
  tries=$((tries + 1))
  if [ "$tries" = 30 ] || ! grep -q 'ERROR 1205' error-lock; then failed lock; fi
  rm ask-lock answer-lock
  sleep 1
done

open count
exec 5>ask-count 6<answer-count
echo "START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT 'begun';" >&5
said=
# As above.
read -r said <&6 || true
[ "$said" = begun ] || failed count

mkfifo progress
"$dump" --defaults-file=client.cnf --verbose --single-transaction --quick --routines --triggers --events \\
  --hex-blob --no-tablespaces $DUMP_OPTIONS --databases "$@" 2>progress 3>&- 4<&- 5>&- 6<&- &
dumping=$!
# It asks for tables once its transaction has begun: from then on others may write.
: >dump.log
locked=yes
while IFS= read -r line; do
  printf '%s\\n' "$line" >>dump.log
  case $locked$line in
    'yes-- Retrieving '*)
      echo 'UNLOCK TABLES;' >&3
      exec 3>&- 4<&-
      locked=
      ;;
  esac
done <progress
[ -z "$locked" ] || exec 3>&- 4<&-
if ! wait "$dumping"; then
  # A log of progress alone has nothing to say (1).
  grep -v '^-- ' dump.log >&2 || true
  exit 1
fi

ask client.cnf <rows.sql >rows
[ -z "$DATABASE" ] || cat use.sql >&5
{ cat rows objects.sql; echo "SELECT 'counted';"; } >&5
: >about/facts
said=
while IFS= read -r said <&6 && [ "$said" != counted ]; do printf '%s\\n' "$said" >>about/facts; done
[ "$said" = counted ] || failed count
# The answer has as many lines as it likes: it ends with the session.
cat query.sql >&5
exec 5>&-
cat <&6 >about/query
[ ! -s error-count ] || failed count
`;
const VERIFY = `set -eu
umask 077
job=$PWD
. ./programs.sh
"$dump" --version >out/version
# The image leaves root where it begins, and that user may not pass the folder of the job.
(cd / && exec docker-entrypoint.sh "$server" --bind-address=127.0.0.1 --port=3306 --socket="$SOCKET" --event-scheduler=OFF \\
  --max-allowed-packet=1G --innodb-flush-log-at-trx-commit=0 --skip-log-bin >"$job/server.log" 2>&1) &
running=$!
# While it is prepared, it answers on the socket alone. To be refused is an answer.
until "$admin" --no-defaults --protocol=tcp --host=127.0.0.1 ping >/dev/null 2>&1; do
  if ! kill -0 "$running" 2>/dev/null; then
    tail -n 20 server.log >&2
    echo 'the scratch server did not come up' >&2
    exit 1
  fi
  sleep 0.2
done
mkfifo dump
"$@" dump "$SNAPSHOT" "$DATA_PATH" >dump &
reader=$!
if ! ask root.cnf --binary-mode <dump >/dev/null; then
  # It has ended, or is ended here: either way that says less than the line below.
  kill "$reader" 2>/dev/null || true
  wait "$reader" || true
  echo 'the dump cannot be read back: what the repository gave is not the whole of it, or does not fit' >&2
  exit 1
fi
wait "$reader"
ask root.cnf <rows.sql >rows
cat rows objects.sql | ask root.cnf >out/facts
: >out/query
[ -z "$DATABASE" ] || cat use.sql query.sql | ask root.cnf >out/query
kill "$running"
# Its work is done and looked at; what it ends with, being told to, says nothing.
wait "$running" || true
`;
;
const mariadb = programFor({
	title: 'MariaDB',
	prefixes: ['MARIADB', 'MYSQL'],
	dumpOptions: '',
	clientLines: ['loose-skip-ssl-verify-server-cert'],
});
const mysql = programFor({
	title: 'MySQL',
	prefixes: ['MYSQL'],
	dumpOptions: '--set-gtid-purged=OFF',
	clientLines: [],
});
function programFor(dialect) {
	const byHand = () => {
		throw new errors .yo(`a ${dialect.title} is not restored in place`, {
			hint: 'It cannot rename a database. The guide says how: "Bring a MariaDB or MySQL back".',
		});
	};
	return {
		dataPath: `/${dialect.title.toLowerCase()}.sql`,
		dump(container, query) {
			const credentials = credentialsOf(dialect, container);
			return {
				script: 'dump.sh',
				files: {
					'dump.sh': DUMP,
					'stream.sh': STREAM,
					'databases.sql': DATABASES_SQL,
					'lock.sql': LOCK_SQL,
					'client.cnf': clientFile(['protocol=tcp', 'host=127.0.0.1', `port=${portOf(container)}`, ...dialect.clientLines], credentials),
					...counting(credentials, query),
				},
				environment: { DATABASE: credentials.database, DUMP_OPTIONS: dialect.dumpOptions },
			};
		},
		verify(container, query) {
			const credentials = credentialsOf(dialect, container);
			const [prefix = ''] = dialect.prefixes;
			return {
				script: 'verify.sh',
				files: {
					'verify.sh': VERIFY,
					'root.cnf': clientFile(['protocol=socket', `socket=${SOCKET}`], { ...credentials, user: 'root' }),
					password: credentials.password,
					...counting(credentials, query),
				},
				environment: {
					DATABASE: credentials.database,
					SOCKET,
					[`${prefix}_ROOT_PASSWORD_FILE`]: `${JOB_FOLDER}/password`,
				},
			};
		},
		tidy: byHand,
		restoreBeside: byHand,
		mask: byHand,
		swap: byHand,
		namesOf: byHand,
		factsOf: countedFacts,
		toolsOf: (output) => ({ [`${dialect.title} dump`]: (output.get('version') ?? '').trim() }),
	};
}
const SOCKET = '/tmp/switchyard-scratch.sock';
const ROOT_HOSTS = ['%', '127.0.0.1'];
function credentialsOf({ title, prefixes }, { environment }) {
	const said = (name) => prefixes.map((prefix) => environment[`${prefix}_${name}`]).find((value) => value !== undefined);
	const [database = '', root, user, password] = [
		said('DATABASE'),
		said('ROOT_PASSWORD'),
		said('USER'),
		said('PASSWORD'),
	];
	if (root && ROOT_HOSTS.includes(said('ROOT_HOST') ?? '%'))
		return { user: 'root', password: root, database };
	if (user && password)
		return { user, password, database };
	const [prefix] = prefixes;
	throw new errors .yo(`nobody knows a user who can dump this ${title}`, {
		hint: `Its variables name none: set ${prefix}_USER and ${prefix}_PASSWORD_FILE, or ${prefix}_ROOT_PASSWORD_FILE, as it was made with.`,
	});
}
function clientFile(way, { user, password }) {
	const lines = [
		'[client]',
		...way,
		`user=${quoted(user)}`,
		`password=${quoted(password)}`,
		'default-character-set=utf8mb4',
		'loose-max-allowed-packet=1G',
	];
	return `${lines.join('\n')}\n`;
}
function portOf({ command }) {
	return /(?:^|\s)(?:--port[=\s]|-P\s?)(\d+)/.exec(command.join(' '))?.[1] ?? '3306';
}
function quoted(value) {
	const escapes = {
		'\\': '\\\\',
		'\n': '\\n',
		'\r': '\\r',
		'\t': '\\t',
		'"': '\\"',
	};
	return `"${value.replaceAll(/[\\\n\r\t"]/g, (character) => escapes[character] ?? character)}"`;
}
function counting({ database }, query = '') {
	return {
		'programs.sh': PROGRAMS,
		'rows.sql': ROWS_SQL,
		'objects.sql': OBJECTS_SQL,
		'use.sql': database === '' ? '' : `USE \`${database.replaceAll('`', '``')}\`;\n`,
		'query.sql': query === '' ? '' : `${query.replace(/;?\s*$/, '')};\n`,
	};
}
;
const postgres_scripts_OWN = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`;
const OF_NO_EXTENSION = `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;
const COUNT = `
SELECT format('SELECT json_build_array(%L, %L, count(*)) FROM ONLY %I.%I', 'rows', format('%I.%I', n.nspname, c.relname), n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${postgres_scripts_OWN} AND ${OF_NO_EXTENSION}
ORDER BY 1 \\gexec
SELECT format('SELECT json_build_array(%L, %L, last_value * %s) FROM %I.%I', 'sequence', format('%I.%I', n.nspname, c.relname), sign(s.seqincrement), n.nspname, c.relname)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND NOT s.seqcycle AND ${postgres_scripts_OWN} AND ${OF_NO_EXTENSION}
ORDER BY 1 \\gexec
SELECT json_build_array('index', format('%I.%I', n.nspname, i.relname))
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE x.indisvalid AND c.relpersistence <> 't' AND ${postgres_scripts_OWN} AND ${OF_NO_EXTENSION}
ORDER BY n.nspname, i.relname;
SELECT json_build_array('objects', 'views', count(*)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND ${postgres_scripts_OWN};
SELECT json_build_array('objects', 'functions', count(*)) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE ${postgres_scripts_OWN};
SELECT json_build_array('objects', 'triggers', count(*)) FROM pg_trigger WHERE NOT tgisinternal;
SELECT json_build_array('objects', 'constraints', count(*)) FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
WHERE ${postgres_scripts_OWN};
SELECT json_build_array('objects', 'extensions', count(*)) FROM pg_extension;
SELECT json_build_array('objects', 'large objects', count(*)) FROM pg_largeobject_metadata;
SELECT json_build_array('objects', 'pages of large objects', count(*)) FROM pg_largeobject;
`;
const PSQL = 'psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set ON_ERROR_STOP=1';
const postgres_scripts_DUMP = `set -eu
umask 077
# A session that has ended shows by what it does not answer.
trap '' PIPE
mkdir about
cp about.json about
pg_dump --version >out/version
pg_dumpall --globals-only --no-password --database "$PGDATABASE" --file about/globals.sql
mkfifo ask answer
${PSQL} <ask >answer &
session=$!
exec 3>ask 4<answer
say() { printf '%s\\n' "$1" >&3; }
say 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
say 'SET LOCAL statement_timeout = 0;'
say 'SET LOCAL idle_in_transaction_session_timeout = 0;'
say 'SELECT pg_export_snapshot();'
read -r snapshot <&4
say '\\o about/facts'
say '\\i count.sql'
say '\\o about/query'
say '\\i query.sql'
say '\\o'
say '\\echo counted'
read -r counted <&4
[ "$counted" = counted ]
cp about/facts about/query out
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$PWD/about" >out/about.json
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
  --stdin-filename "$DATA_PATH" --stdin-from-command -- \\
  pg_dump --no-password --format=custom --compress=0 --snapshot="$snapshot" >out/data.json
say 'COMMIT;'
exec 3>&-
wait "$session"
"$@" version --json >out/restic.json
`;
const RESTORE = `
# fill DATABASE RESTIC...: with CREATE the database comes out of the dump, under the name that it has there.
fill() {
  into=$1
  shift
  mkfifo dump
  "$@" dump "$SNAPSHOT" "$DATA_PATH" >dump &
  reader=$!
  if ! pg_restore --no-password --exit-on-error --no-tablespaces \${CREATE:+--create} --dbname "$into" <dump; then
    # It has ended, or is ended here: either way that says less than the line below.
    kill "$reader" 2>/dev/null || true
    wait "$reader" || true
    echo 'pg_restore has failed: what the repository gave is not the whole dump, or does not fit' >&2
    exit 1
  fi
  wait "$reader"
  rm dump
}
# count DATABASE
count() {
  ${PSQL} --dbname "$1" --output out/facts --file count.sql
  ${PSQL} --dbname "$1" --output out/query --file query.sql
}
`;
const postgres_scripts_VERIFY = `set -eu
umask 077
. ./restore.sh
# The variables are for the clients here; the image has clients of its own.
env -u PGHOST -u PGUSER -u PGDATABASE -u PGPASSFILE docker-entrypoint.sh postgres -p "$PGPORT" \\
  -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off >server.log 2>&1 &
server=$!
until pg_isready --quiet; do
  if ! kill -0 "$server" 2>/dev/null; then
    tail -n 20 server.log >&2
    echo 'the scratch server did not come up' >&2
    exit 1
  fi
  sleep 0.1
done
"$@" dump "$ABOUT" "$PWD/about/globals.sql" >globals.sql
# Some roles are there already, which is no mistake; one that is missing, pg_restore finds.
psql --no-psqlrc --no-password --quiet --dbname postgres --file globals.sql >/dev/null 2>&1 || true
if [ "$PGDATABASE" = postgres ]; then fill postgres "$@"; else CREATE=yes fill postgres "$@"; fi
count "$PGDATABASE"
pg_dump --version >out/version
kill -INT "$server"
# Its work is done and looked at; what it ends with, being told to, says nothing.
wait "$server" || true
`;
const ELSEWHERE = `elsewhere=postgres
[ "$PGDATABASE" != postgres ] || elsewhere=template1
`;
const TIDY = `set -eu
${ELSEWHERE}
${PSQL} --dbname "$elsewhere" --set half="$HALF" --set half_before="$HALF_BEFORE" --set kept="$KEPT" --set kept_before="$KEPT_BEFORE" --output out/kept --file tidy.sql
`;
const ID = `'^[0-9]{8}t[0-9]{6}z-[0-9a-f]{4}$'`;
const idAfter = (start) => `substr(datname, length(:'${start}') + 1)`;
const left = (start) => `starts_with(datname, :'${start}') AND ${idAfter(start)} ~ ${ID}`;
const due = (start) => `${left(start)} AND ${idAfter(start)} COLLATE "C" < :'${start}_before'`;
const TIDY_SQL = `
SELECT count(pg_terminate_backend(pid)) AS sent_away FROM pg_stat_activity WHERE ${due('half')} \\gset
SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE ${due('half')} \\gexec
SELECT format('DROP DATABASE %I', datname) FROM pg_database d WHERE ${due('kept')}
  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname) \\gexec
SELECT datname FROM pg_database WHERE ${left('kept')} ORDER BY 1;
`;
const RESTORE_BESIDE = `set -eu
umask 077
. ./restore.sh
${ELSEWHERE}
"$@" dump "$ABOUT" "$PWD/about/globals.sql" >globals.sql
# That there are none is fine (1), and that the file cannot be read is not (2).
grep -E '^(CREATE ROLE|GRANT) ' globals.sql >roles.sql || [ $? = 1 ]
# Some roles are there already, which is no mistake; one that is missing, pg_restore finds.
psql --no-psqlrc --no-password --quiet --dbname "$elsewhere" --file "\${FOREIGN:-own}-roles.sql" >/dev/null 2>&1 || true
${PSQL} --dbname "$elsewhere" --set old="$PGDATABASE" --set new="$NEW" --file beside.sql
fill "$NEW" "$@"
[ -z "$FOREIGN" ] || ${PSQL} --dbname "$NEW" --file adopt.sql
count "$NEW"
`;
const OWN_ROLES_SQL = '\\i roles.sql\n';
const FOREIGN_ROLES_SQL = `\\set ON_ERROR_ROLLBACK on
BEGIN;
CREATE TEMP TABLE here AS SELECT rolname FROM pg_roles;
\\i roles.sql
SELECT format('COMMENT ON ROLE %I IS %L', rolname, 'of another environment: a restore made it, and the next one removes it')
FROM pg_roles WHERE rolname NOT IN (SELECT rolname FROM here) \\gexec
COMMIT;
`;
const ADOPT_SQL = `
CREATE TEMP VIEW foreign_roles AS SELECT quote_ident(rolname) AS name FROM pg_roles
WHERE shobj_description(oid, 'pg_authid') LIKE 'of another environment: a restore made it%';
SELECT format('REASSIGN OWNED BY %s TO %I', name, pg_get_userbyid(datdba)) FROM foreign_roles, pg_database WHERE datname = current_database() \\gexec
SELECT format('DROP OWNED BY %s', name) FROM foreign_roles \\gexec
SELECT format('DROP ROLE %s', name) FROM foreign_roles \\gexec
DROP VIEW foreign_roles;
`;
const MASK = `set -eu
# Without details, which would show rows.
${PSQL} --set VERBOSITY=terse --dbname "$NEW" --single-transaction --file mask.sql >mask.log
`;
const BESIDE_SQL = `
SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LC_COLLATE %L LC_CTYPE %L', :'new', pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype)
FROM pg_database WHERE datname = :'old'
UNION ALL SELECT format('CREATE DATABASE %I TEMPLATE template0', :'new') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'old') \\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'new') WHERE EXISTS (SELECT FROM pg_database WHERE datname = :'old') \\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s', a.privilege_type, :'new', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = :'old' \\gexec
SELECT format('ALTER %s SET %I TO ' || CASE WHEN name IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries') THEN '%s' ELSE '%L' END,
  CASE setrole WHEN 0 THEN format('DATABASE %I', :'new') ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(setrole), :'new') END, name, value)
FROM (SELECT setrole, split_part(said, '=', 1) AS name, substr(said, strpos(said, '=') + 1) AS value
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) said WHERE d.datname = :'old') settings \\gexec
`;
const SWAP = `set -eu
${ELSEWHERE}
${PSQL} --dbname "$elsewhere" --set old="$PGDATABASE" --set new="$NEW" --set before="$BEFORE" --file swap.sql &
renaming=$!
while kill -0 "$renaming" 2>/dev/null; do
  ${PSQL} --dbname "$elsewhere" --set old="$PGDATABASE" --set new="$NEW" --file leave.sql >/dev/null
  sleep 0.1
done
wait "$renaming"
`;
const SWAP_SQL = `
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', :'old', :'before') WHERE EXISTS (SELECT FROM pg_database WHERE datname = :'old') \\gexec
ALTER DATABASE :"new" RENAME TO :"old";
COMMIT;
`;
const LEAVE_SQL = `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'old', :'new') AND pid <> pg_backend_pid();
`;
;
const postgres = {
	dataPath: '/postgres.dump',
	dump(container, query) {
		return {
			script: 'dump.sh',
			files: { 'dump.sh': postgres_scripts_DUMP, ...shared(container, query) },
			environment: postgres_environmentOf(container),
		};
	},
	verify(container, query) {
		return {
			script: 'verify.sh',
			files: { 'verify.sh': postgres_scripts_VERIFY, 'restore.sh': RESTORE, ...shared(container, query) },
			environment: { ...postgres_environmentOf(container), POSTGRES_PASSWORD_FILE: 'password' },
		};
	},
	tidy(container, { half, keptStart }, before) {
		return {
			script: 'tidy.sh',
			files: { 'tidy.sh': TIDY, 'tidy.sql': TIDY_SQL, ...shared(container, undefined) },
			environment: {
				...postgres_environmentOf(container),
				HALF: half,
				HALF_BEFORE: before.half,
				KEPT: keptStart,
				KEPT_BEFORE: before.kept,
			},
		};
	},
	mask(container, names, statements) {
		return {
			script: 'mask.sh',
			files: { 'mask.sh': MASK, 'mask.sql': statements, ...shared(container, undefined) },
			environment: { ...postgres_environmentOf(container), ...namedFor(names) },
		};
	},
	restoreBeside(container, query, names, isForeign) {
		return {
			script: 'beside.sh',
			files: {
				'beside.sh': RESTORE_BESIDE,
				'restore.sh': RESTORE,
				'beside.sql': BESIDE_SQL,
				'own-roles.sql': OWN_ROLES_SQL,
				'foreign-roles.sql': FOREIGN_ROLES_SQL,
				'adopt.sql': ADOPT_SQL,
				...shared(container, query),
			},
			environment: {
				...postgres_environmentOf(container),
				...namedFor(names),
				FOREIGN: isForeign ? 'foreign' : '',
			},
		};
	},
	swap(container, names) {
		return {
			script: 'swap.sh',
			files: {
				'swap.sh': SWAP,
				'swap.sql': SWAP_SQL,
				'leave.sql': LEAVE_SQL,
				...shared(container, undefined),
			},
			environment: { ...postgres_environmentOf(container), ...namedFor(names) },
		};
	},
	namesOf(container, id) {
		const { database } = postgres_credentialsOf(container);
		const start = (what) => `${fitting(database, LONGEST_NAME - what.length - id.length)}${what}`;
		const [half, keptStart] = [start('_restoring_'), start('_before_')];
		return { current: database, filled: `${half}${id}`, half, kept: `${keptStart}${id}`, keptStart };
	},
	factsOf: countedFacts,
	toolsOf: (output) => ({ pg_dump: (output.get('version') ?? '').trim() }),
};
const LONGEST_NAME = 63;
function fitting(name, bytes) {
	const characters = [...name];
	while (Buffer.byteLength(characters.join('')) > bytes)
		characters.pop();
	return characters.join('');
}
function namedFor({ filled, kept }) {
	return { NEW: filled, BEFORE: kept };
}
function postgres_credentialsOf({ environment }) {
	const { POSTGRES_USER: user = 'postgres', POSTGRES_PASSWORD: password = '' } = environment;
	return { user, password, database: environment.POSTGRES_DB ?? user };
}
function postgres_environmentOf(container) {
	const { user, database } = postgres_credentialsOf(container);
	const { PGPORT = postgres_portOf(container.command) } = container.environment;
	return {
		PGHOST: '127.0.0.1',
		PGPORT,
		PGUSER: user,
		PGDATABASE: database,
		PGPASSFILE: 'pgpass',
		PGCONNECT_TIMEOUT: '30',
		PGCLIENTENCODING: 'UTF8',
		POSTGRES_USER: user,
		POSTGRES_DB: 'postgres',
	};
}
function postgres_portOf(command) {
	const words = command.join(' ');
	return /(?:-p|--port=|-c\s*port=|--port)\s*(\d+)/.exec(words)?.[1] ?? '5432';
}
function shared(container, query) {
	const { password } = postgres_credentialsOf(container);
	return {
		pgpass: `*:*:*:*:${password.replaceAll(/[\\:]/g, '\\$&')}\n`,
		password: `${password === '' ? 'unused' : password}\n`,
		'count.sql': COUNT,
		'query.sql': query === undefined ? '' : `${query.replace(/;?\s*$/, '')};\n`,
	};
}
;
const redis_scripts_PROGRAMS = `cli=redis-cli check=redis-check-rdb server=redis-server
command -v "$cli" >/dev/null || { cli=valkey-cli check=valkey-check-rdb server=valkey-server; }
`;
const redis_scripts_DUMP = `set -eu
umask 077
${redis_scripts_PROGRAMS}
if [ -s redis-password ]; then
  REDISCLI_AUTH=$(cat redis-password)
  export REDISCLI_AUTH
fi
mkdir about
cp about.json about
"$cli" --version >out/version
"$cli" -h 127.0.0.1 -p "$REDIS_PORT" --rdb dump.rdb >dump.log
"$check" dump.rdb >about/facts
cp about/facts out/facts
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$PWD/about" >out/about.json
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
  --stdin-filename "$DATA_PATH" --stdin-from-command -- cat dump.rdb >out/data.json
"$@" version --json >out/restic.json
`;
const redis_scripts_VERIFY = `set -eu
umask 077
${redis_scripts_PROGRAMS}
"$cli" --version >out/version
"$@" dump "$SNAPSHOT" "$DATA_PATH" >/data/dump.rdb
"$check" /data/dump.rdb >check.log || { tail -n 5 check.log >&2; exit 1; }
job=$PWD
# The image's own way to start, where it has one, knows which user the server is.
entrypoint=$(command -v docker-entrypoint.sh || true)
(cd /data && exec $entrypoint "$server" --dir /data --dbfilename dump.rdb --appendonly no --save '' \\
  --bind 127.0.0.1 --port "$REDIS_PORT" --daemonize no >"$job/server.log" 2>&1) &
server=$!
until [ "$("$cli" -h 127.0.0.1 -p "$REDIS_PORT" ping 2>/dev/null)" = PONG ]; do
  if ! kill -0 "$server" 2>/dev/null; then
    tail -n 20 server.log >&2
    echo 'the scratch server did not come up' >&2
    exit 1
  fi
  sleep 0.1
done
"$cli" -h 127.0.0.1 -p "$REDIS_PORT" info keyspace >out/keyspace
# It ends without an answer, which its client takes for a failure.
"$cli" -h 127.0.0.1 -p "$REDIS_PORT" shutdown nosave 2>/dev/null || true
wait "$server" || true
`;
;
const LASTING = 'keys that do not expire';
const redis = {
	dataPath: '/redis.rdb',
	dump(container) {
		return {
			script: 'dump.sh',
			files: { 'dump.sh': redis_scripts_DUMP, 'redis-password': passwordOf(container) },
			environment: { REDIS_PORT: redis_portOf(container) },
		};
	},
	verify(container) {
		return {
			script: 'verify.sh',
			files: { 'verify.sh': redis_scripts_VERIFY },
			environment: { REDIS_PORT: redis_portOf(container) },
		};
	},
	tidy: () => {
		throw byHand();
	},
	restoreBeside: () => {
		throw byHand();
	},
	mask: () => {
		throw byHand();
	},
	swap: () => {
		throw byHand();
	},
	namesOf: () => {
		throw byHand();
	},
	factsOf: (output) => {
		const keyspace = output.get('keyspace');
		return keyspace === undefined ? redis_countedFacts(output.get('facts') ?? '') : keyspaceFacts(keyspace);
	},
	toolsOf: (output) => ({ 'redis-cli': (output.get('version') ?? '').trim() }),
};
function redis_countedFacts(said) {
	const keys = /^\[info\] (\d+) keys read/m.exec(said)?.[1];
	const expires = /^\[info\] (\d+) expires/m.exec(said)?.[1];
	if (keys === undefined || expires === undefined)
		throw new Error('nobody has counted the keys of the RDB file');
	return { rows: { [LASTING]: Number(keys) - Number(expires) } };
}
function keyspaceFacts(said) {
	const found = [...said.matchAll(/^db\d+:keys=(\d+),expires=(\d+)/gm)];
	const lasting = found.map(([, keys, expires]) => Number(keys) - Number(expires));
	return { rows: { [LASTING]: lasting.reduce((sum, count) => sum + count, 0) } };
}
function passwordOf({ command, configuration = '' }) {
	const said = command[command.indexOf('--requirepass') + 1];
	if (command.includes('--requirepass') && said !== undefined)
		return said;
	const [, quoted, plain] = /^\s*requirepass\s+(?:"((?:[^"\\]|\\.)*)"|(\S+))/m.exec(configuration) ?? [];
	return quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '';
}
function redis_portOf({ command, configuration = '' }) {
	const said = command[command.indexOf('--port') + 1];
	if (command.includes('--port') && said !== undefined)
		return said;
	return /^\s*port\s+(\d+)/m.exec(configuration)?.[1] ?? '6379';
}
function byHand() {
	return new errors .yo('a Redis is not restored in place', {
		hint: 'It reads its file when it starts, and only then. The guide says how: "Bring a Redis back".',
	});
}
;
const databases_PROGRAMS = { postgres: postgres, redis: redis, mariadb: mariadb, mysql: mysql };
var model_clock = __webpack_require__(9888);
var model_names = __webpack_require__(9721);
;
const OUTPUT_FOLDER = `${JOB_FOLDER}/out`;
const FIRST_POLL_MS = 100;
const LONGEST_POLL_MS = 1_000;
const FEEDBACK_EVERY_MS = 10_000;
const CANCEL_GRACE_S = 3;
const TURN_MS = 60 * 60_000;
const STARTING_MS = 60_000;
const READING_MS = 10_000;
const LOG_LINES = 50;
async function runJob(surroundings, job) {
	const { server, clock, signal } = surroundings;
	const { engine } = server;
	const id = await claim(surroundings, job);
	try {
		const files = Object.entries(job.files).map(([path, text]) => ({
			path,
			content: Buffer.from(text),
			mode: 0o400,
			...ROOT,
		}));
		const folder = { path: 'out', mode: 0o700, ...ROOT };
		await engine.writeEntries(id, JOB_FOLDER, [folder, ...files]);
		signal.throwIfAborted();
		const began = clock.now();
		await engine.startContainer(id);
		const exitCode = await awaitEnd(surroundings, job, id);
		const tookMs = clock.now() - began;
		if (exitCode !== 0)
			throw await failure(server, job, id, exitCode);
		const found = await engine.readFiles(id, OUTPUT_FOLDER);
		const output = new Map([...found].map(([path, text]) => [path.replace(/^out\//, ''), text]));
		return { output, tookMs };
	}
	catch (error) {
		if (signal.aborted)
			await engine.stopContainer(id, CANCEL_GRACE_S).catch(() => undefined);
		throw error;
	}
	finally {
		await remove(server, id);
	}
}
const ROOT = { uid: 0, gid: 0 };
function jobName(scope, service) {
	return `${(0,model_names .xN)(scope, service, 'base')}_backup`;
}
async function claim(surroundings, job) {
	const { server, scope, clock, log, signal } = surroundings;
	const name = jobName(scope, job.service);
	const waiting = clock.endingWith(signal);
	let seen;
	const id = await (0,model_clock .wt)(waiting, { everyMs: LONGEST_POLL_MS, timeoutMs: TURN_MS }, async () => {
		try {
			return await create(server, scope, job, name);
		}
		catch (error) {
			if (!(0,http .zM)(error, 409))
				throw cannotStart(server, job, error);
		}
		const other = await server.engine.findContainer(name);
		if (other?.Id === undefined)
			return undefined;
		const status = other.State?.Status ?? '';
		if (seen === undefined)
			log.info(`${server.name}: another backup or restore of ${job.service} is at work; waiting`);
		if (seen?.id !== other.Id || seen.status !== status)
			seen = { id: other.Id, status, at: clock.now() };
		const patienceMs = status === 'created' ? STARTING_MS : READING_MS;
		if (!other.State?.Running && clock.now() - seen.at >= patienceMs)
			await remove(server, other.Id);
		return undefined;
	});
	if (id !== undefined)
		return id;
	throw new errors .yo(`${server.name}: another backup or restore of ${job.service} is at work for an hour`, {
		hint: `See what it does with "docker logs ${name}" on ${server.name}. Once it has ended, or was stopped, run again.`,
	});
}
async function create({ engine }, scope, job, name) {
	const labels = {
		[model_labels .d.role]: 'backup',
		[model_labels .d.project]: scope.project,
		[model_labels .d.environment]: scope.environment,
		[model_labels .d.service]: job.service,
	};
	return await engine.createContainer(name, {
		Image: job.image,
		Entrypoint: [...job.command.slice(0, 1)],
		Cmd: [...job.command.slice(1)],
		User: '0:0',
		WorkingDir: JOB_FOLDER,
		Env: Object.entries(job.environment).map(([key, value]) => `${key}=${value}`),
		Labels: labels,
		Healthcheck: { Test: ['NONE'] },
		HostConfig: {
			Init: true,
			NetworkMode: job.network,
			Mounts: [{ Type: 'volume', Target: JOB_FOLDER, VolumeOptions: { Labels: labels } }, ...job.mounts],
			...(job.volumesOf !== undefined && { VolumesFrom: [`${job.volumesOf}:ro`] }),
			LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
			...(job.memoryBytes !== undefined && { Memory: job.memoryBytes, MemorySwap: job.memoryBytes }),
		},
	});
}
async function remove({ engine }, id) {
	await engine.removeContainer(id);
}
async function awaitEnd({ server, clock, log, signal }, { title }, id) {
	const began = clock.now();
	let toldAt = began;
	const everyMs = (looks) => Math.min(FIRST_POLL_MS * 2 ** (looks - 1), LONGEST_POLL_MS);
	const ended = await (0,model_clock .wt)(clock.endingWith(signal), { everyMs }, async () => {
		const found = await server.engine.findContainer(id);
		if (found === undefined)
			throw wasRemoved(server, title);
		const { State } = found;
		if (!State?.Running)
			return { exitCode: State?.ExitCode ?? 1 };
		if (clock.now() - toldAt >= FEEDBACK_EVERY_MS) {
			toldAt = clock.now();
			log.info(`${server.name}: ${title} goes on, ${Math.round((toldAt - began) / 1000)} s`);
		}
		return undefined;
	});
	return ended?.exitCode ?? 1;
}
async function failure(server, { title }, id, exitCode) {
	const { stdout, stderr } = await server.engine
		.logs(id, { tail: LOG_LINES })
		.catch((error) => ({ stdout: '', stderr: (0,errors .bD)(error) }));
	const lines = `${stdout}${stderr}`.trimEnd();
	const said = lines === '' ? 'It printed nothing.' : `Its last lines:\n${lines.replaceAll(/^/gm, '  | ')}`;
	return new errors .yo(`${server.name}: ${title} failed with exit code ${exitCode}. ${said}`, {
		hint: 'Nothing of it counts as a backup. What is said above tells what is wrong; then run again.',
	});
}
function wasRemoved({ name }, title) {
	return new errors .yo(`${name}: ${title} was removed while it was at work`, {
		hint: 'A deploy has replaced the container of the service, or somebody has removed the job. Run again.',
	});
}
function cannotStart(server, { title, image }, error) {
	if (error instanceof errors .yo)
		return error;
	return new errors .yo(`${server.name}: ${title} cannot start: ${(0,errors .bD)(error)}`, {
		hint: `It runs in the image ${image}: is it on ${server.name} still?`,
		cause: error,
	});
}
;
const scripts_DUMP = `set -eu
umask 077
job=$PWD
mkdir about
cp about.json about
# stream COMMAND... RESTIC...: the words of the command go to the end.
stream() {
  set -- "$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" \\
    --stdin-filename "$DATA_PATH" --stdin-from-command -- /bin/sh "$job/stream.sh"
  left=$COMMAND_WORDS
  while [ "$left" -gt 0 ]; do
    word=$1
    shift
    set -- "$@" "$word"
    left=$((left - 1))
  done
  "$@"
}
stream "$@" >out/data.json
shift "$COMMAND_WORDS"
cp sha256 out
cp sha256 about
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$job/about" >out/about.json
"$@" version --json >out/restic.json
`;
const scripts_STREAM = `set -eu
umask 077
mkfifo printed copy
sha256sum <copy >sha256 &
hashing=$!
(cd "$COMMAND_FOLDER" && exec "$@") >printed &
running=$!
tee copy <printed
code=0
wait "$running" || code=$?
wait "$hashing"
if [ "$code" != 0 ]; then
  echo "the command has ended with exit code $code" >&2
  exit 1
fi
read -r digest name <sha256
if [ "$digest" = e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ]; then
  echo 'the command has printed nothing' >&2
  exit 1
fi
`;
const scripts_VERIFY = `set -eu
umask 077
mkfifo back
sha256sum <back >out/sha256 &
hashing=$!
"$@" dump "$SNAPSHOT" "$DATA_PATH" >back
wait "$hashing"
`;
;
const PRINTED = 'what the command has printed';
function commandProgram({ command }, image) {
	return {
		dataPath: '/output',
		dump: ({ id, variables, workingDir }) => ({
			script: 'dump.sh',
			files: { 'dump.sh': scripts_DUMP, 'stream.sh': scripts_STREAM },
			environment: {
				...Object.fromEntries(variables.map(pairOf)),
				COMMAND_FOLDER: workingDir,
				COMMAND_WORDS: String(command.length),
			},
			words: command,
			volumesOf: id,
		}),
		verify: () => ({
			script: 'verify.sh',
			files: { 'verify.sh': scripts_VERIFY },
			environment: {},
			image,
			network: 'bridge',
		}),
		factsOf: (output) => ({
			rows: {},
			digests: { [PRINTED]: (output.get('sha256') ?? '').trim().split(' ')[0] ?? '' },
		}),
		toolsOf: () => ({}),
	};
}
function pairOf(variable) {
	const at = variable.indexOf('=');
	return [variable.slice(0, at), variable.slice(at + 1)];
}
;
const Summary = schemas ._H3({
	message_type: schemas .euz('summary'),
	snapshot_id: schemas .YjP(),
	total_bytes_processed: schemas .Whr(),
	total_files_processed: schemas .Whr(),
	data_added_packed: schemas .Whr().optional(),
	data_added: schemas .Whr(),
});
function writtenSnapshot(output) {
	const lines = (output ?? '').split('\n').filter((line) => line.includes('"summary"'));
	const parsed = Summary.safeParse(jsonOf(lines.at(-1) ?? ''));
	if (!parsed.success) {
		throw new errors .yo('restic has ended well and says of no snapshot that it was written', {
			hint: 'Is the image that of restic 0.17 or newer? "backup.image" in the file names it.',
		});
	}
	const { snapshot_id: id, total_bytes_processed: sizeBytes, data_added, data_added_packed } = parsed.data;
	const { total_files_processed: files } = parsed.data;
	return { id, sizeBytes, storedBytes: data_added_packed ?? data_added, files };
}
function resticVersion(output) {
	const parsed = schemas ._H3({ version: schemas .YjP() }).safeParse(jsonOf(output ?? ''));
	return parsed.success ? parsed.data.version : 'unknown';
}
function jsonOf(text) {
	try {
		return JSON.parse(text);
	}
	catch {
		return undefined;
	}
}
;
const volumes_scripts_DUMP = `set -eu
umask 077
mkdir about
cp about.json about
tries=0
while :; do
  code=0
  "$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$DATA_TAGS" "$DATA_PATH" >out/data.json 2>errors || code=$?
  [ "$code" != 0 ] || break
  cat errors >&2
  # Any other code leaves no snapshot.
  [ "$code" = 3 ] || exit 1
  half=$(sed -n 's/.*"snapshot_id":"\\([0-9a-f]*\\)".*/\\1/p' out/data.json)
  [ -z "$half" ] || "$@" forget "$half" >forgotten
  tries=$((tries + 1))
  if [ "$tries" = 3 ]; then
    echo 'files were changed while they were read, three times: have the service stop meanwhile, stop: true' >&2
    exit 1
  fi
done
cp out/data.json about/data.json
"$@" backup --json --host switchyard --time "$BACKUP_TIME" --tag "$ABOUT_TAGS" "$PWD/about" >out/about.json
"$@" version --json >out/restic.json
`;
const scripts_RESTORE = `set -eu
umask 077
job=$PWD
"$@" restore "$SNAPSHOT:$DATA_PATH" --target "$RESTORED" --verify --quiet >restore.log
cd "$RESTORED"
find . -type f -exec stat -c %s {} + >"$job/sizes"
files=0
bytes=0
while read -r size; do
  files=$((files + 1))
  bytes=$((bytes + size))
done <"$job/sizes"
echo "$files $bytes" >"$job/out/counted"
`;
;
const VOLUMES_FOLDER = '/srv/switchyard-volumes';
const RESTORED_FOLDER = '/srv/switchyard-restored';
function volumesProgram(content, scope, image) {
	return {
		dataPath: VOLUMES_FOLDER,
		dump: (container) => ({
			script: 'dump.sh',
			files: { 'dump.sh': volumes_scripts_DUMP },
			environment: {},
			image,
			network: 'bridge',
			mounts: content.volumes.map((name) => ({
				...mountOf(mountedName(scope, container, name), `${VOLUMES_FOLDER}/${name}`),
				ReadOnly: true,
			})),
		}),
		verify: () => ({ ...restoreJob(image), mounts: [{ Type: 'volume', Target: RESTORED_FOLDER }] }),
		factsOf,
		toolsOf: () => ({}),
	};
}
function restoreVolumesJob(image, volumes) {
	const mounts = [...volumes].map(([name, onServer]) => mountOf(onServer, `${RESTORED_FOLDER}/${name}`));
	return { ...restoreJob(image), mounts };
}
function restoreJob(image) {
	return {
		script: 'restore.sh',
		files: { 'restore.sh': scripts_RESTORE },
		environment: { RESTORED: RESTORED_FOLDER },
		image,
		network: 'bridge',
	};
}
function mountOf(volume, target) {
	return { Type: 'volume', Source: volume, Target: target, VolumeOptions: { NoCopy: true } };
}
function mountedName(scope, { volumes }, name) {
	const found = [(0,model_names .EH)(scope, name), name].find((one) => volumes.includes(one));
	if (found !== undefined)
		return found;
	throw new errors .yo(`the container has no volume ${JSON.stringify(name)}`, {
		hint: 'Deploy first: the file has it, and what runs was made before.',
	});
}
function factsOf(output) {
	const counted = output.get('counted');
	if (counted === undefined) {
		const { files, sizeBytes } = writtenSnapshot(output.get('data.json'));
		return { rows: {}, objects: { files, bytes: sizeBytes } };
	}
	const [files = Number.NaN, bytes = Number.NaN] = counted.trim().split(' ').map(Number);
	return { rows: {}, objects: { files, bytes } };
}
;
function program_for_programFor({ content, image }, scope) {
	switch (content.kind) {
		case 'volumes':
			return volumesProgram(content, scope, image);
		case 'command':
			return commandProgram(content, image);
		default:
			return databases_PROGRAMS[content.kind];
	}
}
;
const verdict_TOLD = 5;
function differencesOf(counted, restored) {
	const differences = [
		...countsOf('rows of', counted.rows, restored.rows),
		...countsOf('', counted.objects ?? {}, restored.objects ?? {}),
		...Object.entries(counted.sequences ?? {}).flatMap(([name, value]) => {
			const now = restored.sequences?.[name];
			return now !== undefined && now >= value
				? []
				: [`sequence ${name}: ${value}, restored ${now ?? 'not at all'}`];
		}),
		...(counted.indexes ?? [])
			.filter((name) => !restored.indexes?.includes(name))
			.map((name) => `index ${name} is missing`),
		...Object.entries(counted.digests ?? {}).flatMap(([name, digest]) => restored.digests?.[name] === digest ? [] : [`${name} has another SHA-256 than it had`]),
		...(counted.query === restored.query
			? []
			: [
				`the query answers ${JSON.stringify(restored.query ?? '')}, and answered ${JSON.stringify(counted.query ?? '')}`,
			]),
	];
	const more = differences.length - verdict_TOLD;
	return more > 0 ? [...differences.slice(0, verdict_TOLD), `and ${more} more`] : differences;
}
function countsOf(what, counted, restored) {
	const names = [...new Set([...Object.keys(counted), ...Object.keys(restored)])].sort();
	return names.flatMap((name) => {
		const [was, is] = [counted[name], restored[name]];
		const title = `${what} ${name}`.trim();
		return was === is ? [] : [`${title}: ${was ?? 'none'}, restored ${is ?? 'none'}`];
	});
}
;
const DUMP_MEMORY_BYTES = 256 * 1024 * 1024;
async function makeBackup(surroundings, source) {
	const { server, scope, clock } = surroundings;
	const { service, spec, access, author } = source;
	const container = await requireContainer(surroundings, source);
	const program = program_for_programFor(spec, scope);
	const at = new Date(clock.now());
	const id = newBackupId(at);
	const tags = { ...scope, service, id };
	const part = program.dump(container, spec.query);
	const { release, image } = container;
	const about = aboutText({
		...{ schema: 1, ...scope, service, id, content: spec.content.kind, server: server.name, release, image },
		...{ began_at: at.toISOString(), ...(spec.query !== undefined && { query: spec.query }) },
		...{ run: author.run, actor: author.actor },
	});
	const outcome = await runJob(surroundings, {
		title: `the backup of ${service}`,
		service,
		image: container.imageId,
		network: `container:${container.id}`,
		memoryBytes: DUMP_MEMORY_BYTES,
		...jobOf({ ...part, files: { ...part.files, [ABOUT_FILE]: about } }, access, {
			BACKUP_TIME: resticTime(at),
			DATA_PATH: program.dataPath,
			DATA_TAGS: (0,backup .S)(tags, 'data').join(','),
			ABOUT_TAGS: (0,backup .S)(tags, 'about').join(','),
		}),
	});
	const { output } = outcome;
	const data = writtenSnapshot(output.get('data.json'));
	const beside = writtenSnapshot(output.get('about.json'));
	return {
		schema: 1,
		...scope,
		service,
		id,
		content: spec.content.kind,
		server: server.name,
		release: container.release,
		image: container.image,
		began_at: at.toISOString(),
		took_ms: Math.round(outcome.tookMs),
		size_bytes: data.sizeBytes,
		stored_bytes: data.storedBytes + beside.storedBytes,
		target: (0,backup_target .oI)(spec.to),
		snapshot: data.id,
		about: beside.id,
		facts: program.factsOf(output),
		...(spec.query !== undefined && { query: spec.query }),
		tools: { ...program.toolsOf(output), restic: resticVersion(output.get('restic.json')) },
		run: author.run,
		actor: author.actor,
	};
}
async function verifyBackup(surroundings, source, receipt) {
	const { clock, server, scope } = surroundings;
	const { service, spec, access, author } = source;
	const container = await requireContainer(surroundings, source);
	const program = program_for_programFor(spec, scope);
	const title = `the test of backup ${receipt.id} of ${service}`;
	const outcome = await runJob(surroundings, {
		title,
		service,
		image: container.imageId,
		network: 'bridge',
		memoryBytes: container.memoryBytes === undefined ? undefined : container.memoryBytes + DUMP_MEMORY_BYTES,
		...jobOf(program.verify(container, receipt.query), access, snapshotsOf(receipt, program)),
	});
	requireWhole(`${server.name}: ${title}`, receipt, program.factsOf(outcome.output));
	return { at: new Date(clock.now()).toISOString(), run: author.run, took_ms: Math.round(outcome.tookMs) };
}
function snapshotsOf({ snapshot, about = '' }, { dataPath }) {
	return { SNAPSHOT: snapshot, ABOUT: about, DATA_PATH: dataPath };
}
function programOf({ content }) {
	if (content.kind === 'volumes' || content.kind === 'command')
		throw new Error(`${content.kind} is no database`);
	return databases_PROGRAMS[content.kind];
}
function jobOf({ script, files, environment, words = [], mounts = [], volumesOf, image, network }, access, more) {
	return {
		command: ['/bin/sh', script, ...words, ...access.command],
		files: { ...files, ...access.files },
		environment: { ...environment, ...access.environment, ...more },
		mounts: [...access.mounts, ...mounts],
		volumesOf,
		...(image !== undefined && { image }),
		...(network !== undefined && { network }),
	};
}
function requireWhole(title, { facts }, restored) {
	const differences = differencesOf(facts, restored);
	if (differences.length === 0)
		return;
	throw new errors .yo(`${title} found what was not restored: ${differences.join('; ')}`, {
		hint: 'This backup counts for nothing. Make another one; if that fails too, its data cannot be dumped as it is.',
	});
}
async function requireContainer(surroundings, { service, spec }) {
	const { server, scope } = surroundings;
	const standing = spec.content.kind === 'volumes' && (await findStanding(server, scope, service));
	return standing || (await requireRunning(surroundings, service));
}
async function requireRunning({ server, scope }, service) {
	const found = await findRunning(server, scope, service);
	if (found !== undefined)
		return found;
	throw new errors .yo(`${server.name}: ${service} does not run, so nobody can ask it for its data`, {
		hint: 'Deploy it first. What it had before is in its earlier backups.',
	});
}
var generated_secrets = __webpack_require__(7983);
;
async function repositorySecrets({ secrets, generated, author, clock, hide }, { wanted, fleet, journal }) {
	if (generated === undefined)
		return secrets;
	const by = { run: author.run, now: clock.now() };
	const settled = await (0,generated_secrets .R)(fleet, journal.snapshot, wanted, generated, by);
	const [unmade] = settled.made;
	if (unmade !== undefined) {
		throw new errors .yo(`secret ${unmade} was not made yet, and backups need it`, {
			hint: 'Deploy once: that makes it, and keeps it on the servers.',
		});
	}
	const found = Object.keys(generated.needed).map((name) => [name, settled.secrets.get(name).value]);
	for (const [, value] of found)
		hide(value);
	return { ...secrets, ...Object.fromEntries(found) };
}
;
async function openOrigin(request, service) {
	const { wanted, clock, generated, excludedServers } = request;
	const scope = { project: wanted.project, environment: wanted.environment };
	const spec = wanted.services.find(({ name }) => name === service)?.backup;
	if (spec === undefined) {
		throw new errors .yo(`${service} is not backed up in ${wanted.environment}, from where its data shall come`, {
			hint: 'Is the name of the environment right? What is backed up in one, its "services" or those at the top of the file say.',
		});
	}
	if (generated === undefined) {
		const store = await request.openStore();
		try {
			const snapshot = await store.read();
			return { scope, spec, secrets: request.secrets, receipts: await snapshot.receipts(service) };
		}
		finally {
			await store.close();
		}
	}
	const narrowing = { services: undefined, zones: undefined, excludedServers };
	const opening = { wanted, narrowing, access: 'read', timeline: new timeline .K(clock) };
	return await (0,environment .E)(request, opening, async (environment) => {
		const secrets = await repositorySecrets(request, environment);
		return { scope, spec, secrets, receipts: await environment.journal.snapshot.receipts(service) };
	});
}
async function requireWithinReach({ engine, name }, { scope, spec }) {
	if (spec.to.kind !== 'disk' || (await engine.hasVolume((0,model_names .zz)(scope))))
		return;
	throw new errors .yo(`backups of ${scope.environment} lie on the disks of its servers, and ${name} is none of them`, {
		hint: 'Name a place that both reach, by "to" of "backup" in the file, and make a backup there.',
	});
}
;
const EXIT = { incomplete: 3, noRepository: 10, locked: 11, wrongPassword: 12 };
const SAID = [
	{
		pattern: /no space left on device|disk quota exceeded|QuotaExceeded|XMinioStorageFull|507 /i,
		what: 'there is no space left for backups',
		hint: 'Make room there, or keep fewer backups ("retention") and run the action with "prune". Those that are there stay as they are.',
	},
	{
		pattern: /(delet|remov)[^\n]*(403|405|forbidden|not allowed|access ?denied)|(403|forbidden)[^\n]*(delet|remov)/i,
		what: 'nothing may be deleted with these credentials',
		hint: 'An append-only repository is pruned with other credentials, from a place that a thief of the server does not reach: run the action with "prune" and secrets that may delete.',
	},
	{
		pattern: /Host key verification failed|HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known/i,
		what: 'the host shows another key than the file says',
		hint: 'Compare "ssh-keyscan HOST" with "host_key" in the file. If nobody has changed the host, somebody stands in between.',
	},
	{
		pattern: /NoSuchBucket|bucket does not exist/i,
		what: 'the bucket is not there',
		hint: 'Is its name right, after the endpoint in "s3"? It is not made by itself, since a mistyped one would be.',
	},
	{
		pattern: /Permission denied \(|AccessDenied|Access Denied|InvalidAccessKeyId|SignatureDoesNotMatch|access key|40[13] (unauthorized|forbidden)|\((401|403)\)|unauthorized/i,
		what: 'the credentials are not accepted',
		hint: 'Are the secrets that "to" names those of this place, and may they read and write there?',
	},
	{
		pattern: /x509: |tls: |certificate/i,
		what: 'the certificate of the server is not trusted',
		hint: 'One of an authority of your own is named by "ca" in the file.',
	},
	{
		pattern: /permission denied|SSH_FX_PERMISSION_DENIED/i,
		what: 'it may not be written there',
		hint: 'Give the login the right to write below the path in the file.',
	},
	{
		pattern: /ciphertext verification failed|invalid data returned|does not match|hash mismatch|unexpected (pack )?(size|file)|pack .*(missing|not found)|blob .*not found|id mismatch|load\(<data|decrypting|broken pack|damaged/i,
		what: 'the repository is damaged',
		hint: 'Something there was changed or lost after it was written. See what with "restic check --read-data"; a backup made now is whole again, and "restic repair" gives up what cannot be read.',
	},
	{
		pattern: /no such host|could not resolve|connection refused|connection reset|connection timed out|i\/o timeout|network is unreachable|no route to host|connect: |closed by remote host|unexpected EOF|server went away/i,
		what: 'it cannot be reached from the server',
		hint: 'Is the address in the file right, and does a firewall let the server through?',
	},
];
function explainRestic({ exitCode, stderr, target, server }) {
	const said = wordsOf(stderr);
	const { what, hint } = meaningOf(exitCode, said);
	return new errors .yo(`${server}: backups at ${target}: ${what}. restic says: ${said || 'nothing'}`, {
		hint,
	});
}
function meaningOf(exitCode, said) {
	switch (exitCode) {
		case EXIT.noRepository:
			return {
				what: 'there is no repository',
				hint: 'The first backup makes one. Where there were some before, see where they have gone: is the address still the same?',
			};
		case EXIT.locked:
			return {
				what: 'the repository is locked by a run that is at work, or was ended in the middle',
				hint: 'Run again. What a dead run has left is taken away by itself once it is half an hour old.',
			};
		case EXIT.wrongPassword:
			return {
				what: 'the password of the repository is another one',
				hint: 'Give the secret the value that it had when the first backup was made. One that was generated is made anew when servers and state branch are lost: its first value is still in every clone that has the state branch, in what "task: export" of the action secrets has written, and on each server that is left. Nothing was changed.',
			};
		case 137:
			return {
				what: 'restic was killed',
				hint: 'By somebody, or since the server had no memory left ("dmesg" tells). Run again.',
			};
	}
	const known = SAID.find(({ pattern }) => pattern.test(said));
	if (known !== undefined)
		return known;
	if (exitCode === EXIT.incomplete) {
		return {
			what: 'not all of it was done',
			hint: 'Nothing of it counts as a backup. What is said tells what is missing; then run again.',
		};
	}
	return {
		what: `restic ended with exit code ${exitCode}`,
		hint: 'Nothing half counts as a backup. What it says tells what is wrong; then run again.',
	};
}
function wordsOf(stderr) {
	const lines = stderr
		.split('\n')
		.map(textOf)
		.filter((line) => line !== '');
	return [...new Set(lines)].slice(-6).join('; ').replaceAll(/\s+/g, ' ');
}
function textOf(line) {
	if (!line.startsWith('{'))
		return line.trim();
	try {
		const { message, error } = JSON.parse(line);
		const text = (message ?? error?.message ?? '').replace(/^Fatal: /, '');
		return text.split(/\n(?=[\w./*()]+\n\t)/)[0]?.trim() ?? '';
	}
	catch {
		return line.trim();
	}
}
;
const Listed = schemas .YOg(schemas ._H3({
	id: schemas .YjP(),
	time: schemas .YjP(),
	paths: schemas .YOg(schemas .YjP()).nullish(),
	tags: schemas .YOg(schemas .YjP()).nullish(),
	summary: schemas ._H3({ total_bytes_processed: schemas .Whr(), data_added_packed: schemas .Whr().optional() })
		.optional(),
}));
async function snapshots_snapshotsOf(restic, tags) {
	const { values } = await restic.run(['snapshots', '--no-lock', '--tag', tags.join(',')]);
	return listedSnapshots(values);
}
function listedSnapshots(values) {
	const listed = values.flatMap((value) => Listed.parse(value ?? []));
	return listed.map(snapshotFrom).sort((one, other) => Date.parse(one.time) - Date.parse(other.time));
}
function tagValue({ tags }, name) {
	return tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1);
}
function snapshotFrom({ id, time, paths, tags, summary }) {
	return {
		id,
		time,
		paths: paths ?? [],
		tags: tags ?? [],
		...(summary && { sizeBytes: summary.total_bytes_processed }),
		...(summary?.data_added_packed !== undefined && { storedBytes: summary.data_added_packed }),
	};
}
;
const SCRIPT = `set -eu
umask 077
while read -r id snapshot; do
  "$@" restore --no-lock --quiet "$snapshot:$PWD/about" --target "out/$id" \\
    --include /${ABOUT_FILE} --include /facts --include /query \\
    --include /data.json --include /sha256 </dev/null >/dev/null
done <parts
`;
async function findBackups(surroundings, restic, { service, spec, owner }) {
	const { clock, log, server } = surroundings;
	const { exitCode, values } = await restic.run(['snapshots', '--no-lock'], {
		expected: [EXIT.noRepository],
	});
	if (exitCode === EXIT.noRepository)
		return [];
	const all = listedSnapshots(values);
	const parts = partsOf(all, { ...owner, service });
	if (parts.length === 0) {
		const others = ownersIn(all);
		if (others.length === 0)
			return [];
		throw new errors .yo(`${restic.title} has no backup of ${service} of ${owner.project} ${owner.environment}`, {
			hint: `It has those of ${others.join(', ')}. Has the project, the environment or the service another name by now?`,
		});
	}
	log.info(`${server.name}: ${restic.title} has ${parts.length} backups of ${service} that the record does not know`);
	const { image, command, environment, files, mounts, isOutside } = restic.requestFor([]);
	const { output } = await runJob(surroundings, {
		title: `the look at the backups of ${service}`,
		service,
		image,
		network: isOutside ? 'bridge' : 'none',
		command: ['/bin/sh', 'recover.sh', ...command],
		files: {
			...files,
			'recover.sh': SCRIPT,
			parts: parts.map(({ id, about }) => `${id} ${about.id}\n`).join(''),
		},
		environment,
		mounts,
	});
	const foundAt = new Date(clock.now()).toISOString();
	return parts.flatMap((one) => receiptFrom(one, output, { spec, owner }, foundAt) ?? []);
}
async function findUnknown(surroundings, restic, lost, recorded) {
	if (recorded.some(({ target }) => target === (0,backup_target .oI)(lost.spec.to)))
		return [];
	return await findBackups(surroundings, restic, lost);
}
async function keepFound(journal, found, author) {
	const [first] = found;
	if (first === undefined)
		return;
	const what = `${found.length} backups of ${first.service} found in their repository`;
	await journal.keepReceipts(found, what, author);
}
const recover_ID = /^\d{8}t\d{6}z-[0-9a-f]{4}$/;
function partsOf(snapshots, owner) {
	const own = snapshots.filter((one) => Object.entries(owner).every(([name, value]) => tagValue(one, name) === value));
	const byId = Map.groupBy(own, (one) => tagValue(one, 'backup') ?? '');
	return [...byId]
		.flatMap(([id, parts]) => {
		const part = (name) => parts.find((one) => tagValue(one, 'part') === name);
		const [data, about] = [part('data'), part('about')];
		return data && about && recover_ID.test(id) ? [{ id, data, about }] : [];
	})
		.sort((one, other) => (one.id < other.id ? -1 : 1));
}
function ownersIn(snapshots) {
	const names = snapshots.flatMap((one) => {
		const [service, project, environment] = ['service', 'project', 'environment'].map((name) => tagValue(one, name));
		return service === undefined ? [] : [`${service} of ${project} ${environment}`];
	});
	return [...new Set(names)].sort();
}
function receiptFrom({ id, data, about }, output, { spec, owner }, foundAt) {
	const said = parseAbout(output.get(`${id}/${ABOUT_FILE}`));
	if (said === undefined || said.id !== id || said.content !== spec.content.kind)
		return undefined;
	const own = [...output].filter(([path]) => path.startsWith(`${id}/`));
	const facts = new Map(own.map(([path, text]) => [path.slice(id.length + 1), text]));
	return {
		...said,
		took_ms: 0,
		size_bytes: data.sizeBytes ?? 0,
		stored_bytes: (data.storedBytes ?? 0) + (about.storedBytes ?? 0),
		target: (0,backup_target .oI)(spec.to),
		snapshot: data.id,
		about: about.id,
		facts: program_for_programFor(spec, owner).factsOf(facts),
		tools: {},
		found_at: foundAt,
	};
}
var keys = __webpack_require__(686);
;
const DISK_FOLDER = '/srv/switchyard-backups';
const CACHE_FOLDER = '/var/cache/switchyard-restic';
const CACHE_VOLUME = 'switchyard_restic_cache';
const MEMORY = '128MiB';
function accessTo({ target, password, secrets, owner }, scope, programs) {
	const own = targetAccess(target, secrets, owner ?? scope, programs);
	const isRead = owner !== undefined;
	return {
		command: [programs.restic, ...own.options, ...(isRead ? ['--no-lock'] : [])],
		environment: {
			...programs.environment,
			...own.environment,
			RESTIC_REPOSITORY_FILE: inJob('restic-repository'),
			RESTIC_PASSWORD_FILE: inJob('restic-password'),
			RESTIC_CACHE_DIR: CACHE_FOLDER,
			GOMEMLIMIT: MEMORY,
		},
		files: { ...own.files, 'restic-repository': own.address, 'restic-password': password },
		mounts: [
			...programs.mounts,
			{ Type: 'volume', Source: CACHE_VOLUME, Target: CACHE_FOLDER, VolumeOptions: { NoCopy: true } },
			...(isRead ? own.mounts.map((mount) => ({ ...mount, ReadOnly: true })) : own.mounts),
		],
	};
}
function targetAccess(target, secrets, scope, programs) {
	const secretOf = (name) => {
		const value = secrets[name];
		if (value === undefined)
			throw new Error(`nobody has the value of ${name}`);
		return value;
	};
	switch (target.kind) {
		case 'disk':
			return diskAccess(scope);
		case 's3':
			return s3Access(target, secretOf);
		case 'sftp':
			return sftpAccess(target, secretOf, programs);
		case 'rest':
			return restAccess(target, secretOf);
	}
}
function diskAccess(scope) {
	return {
		address: DISK_FOLDER,
		options: [],
		environment: {},
		files: {},
		mounts: [
			{
				Type: 'volume',
				Source: (0,model_names .zz)(scope),
				Target: DISK_FOLDER,
				VolumeOptions: { NoCopy: true },
			},
		],
	};
}
function s3Access(target, secretOf) {
	const { url, region, isPathStyle, accessKeySecret, secretKeySecret, ca } = target;
	const keys = { accessKey: secretOf(accessKeySecret), secretKey: secretOf(secretKeySecret), api: 'S3v4' };
	const trust = trusting(ca);
	return {
		address: `s3:${url}`,
		options: [
			...['-o', `s3.bucket-lookup=${isPathStyle ? 'path' : 'dns'}`],
			...(region === undefined ? [] : ['-o', `s3.region=${region}`]),
		],
		environment: {
			...trust.environment,
			MINIO_SHARED_CREDENTIALS_FILE: inJob('restic-s3.json'),
			MINIO_ALIAS: 's3',
		},
		files: { ...trust.files, 'restic-s3.json': JSON.stringify({ version: '10', aliases: { s3: keys } }) },
		mounts: [],
	};
}
function sftpAccess(target, secretOf, { ssh }) {
	const { user, host, port, path, hostKeys, keySecret } = target;
	const configuration = {
		HostName: host,
		Port: port,
		User: user,
		IdentityFile: inJob('restic-ssh-key'),
		IdentitiesOnly: 'yes',
		HostKeyAlias: 'repository',
		UserKnownHostsFile: inJob('restic-known-hosts'),
		GlobalKnownHostsFile: 'none',
		StrictHostKeyChecking: 'yes',
		UpdateHostKeys: 'no',
		BatchMode: 'yes',
		ConnectTimeout: 20,
		ServerAliveInterval: 15,
		ServerAliveCountMax: 4,
	};
	const lines = Object.entries(configuration).map(([name, value]) => `  ${name} ${value}\n`);
	return {
		address: `sftp://repository/${path.split('/').map(encodeURIComponent).join('/')}`,
		options: ['-o', `sftp.command=${ssh} -F ${inJob('restic-ssh-config')} -s repository sftp`],
		environment: {},
		files: {
			'restic-ssh-config': `Host repository\n${lines.join('')}`,
			'restic-ssh-key': (0,keys .B7)(secretOf(keySecret)),
			'restic-known-hosts': hostKeys.map((key) => `repository ${key}\n`).join(''),
		},
		mounts: [],
	};
}
function restAccess({ url, login, ca }, secretOf) {
	const credentials = login === undefined
		? ''
		: `${[login.user, secretOf(login.passwordSecret)].map(encodeURIComponent).join(':')}@`;
	return {
		address: `rest:${url.replace('//', `//${credentials}`)}`,
		options: [],
		...trusting(ca),
		mounts: [],
	};
}
function trusting(ca) {
	if (ca === undefined)
		return { environment: {}, files: {} };
	return { environment: { RESTIC_CACERT: inJob('restic-ca.pem') }, files: { 'restic-ca.pem': ca } };
}
function inJob(name) {
	return `${JOB_FOLDER}/${name}`;
}
;
const container_FIRST_POLL_MS = 50;
const container_LONGEST_POLL_MS = 1_000;
const container_CANCEL_GRACE_S = 3;
const TOOK_TOO_LONG = 124;
async function runContainer(surroundings, run) {
	const { server, clock, signal } = surroundings;
	const { engine } = server;
	const id = await createRun(surroundings, run);
	try {
		await engine.startContainer(id);
		const everyMs = (looks) => Math.min(container_FIRST_POLL_MS * 2 ** (looks - 1), container_LONGEST_POLL_MS);
		const timeoutMs = run.patienceMs ?? Number.POSITIVE_INFINITY;
		const ended = await (0,model_clock .wt)(clock.endingWith(signal), { everyMs, timeoutMs }, async () => {
			const { State } = await engine.inspectContainer(id);
			return State?.Running ? undefined : { exitCode: State?.ExitCode ?? 1 };
		});
		if (ended === undefined)
			await engine.stopContainer(id, container_CANCEL_GRACE_S);
		return { exitCode: ended?.exitCode ?? TOOK_TOO_LONG, ...(await engine.logs(id, {})) };
	}
	catch (error) {
		if (signal.aborted)
			await engine.stopContainer(id, container_CANCEL_GRACE_S).catch(() => undefined);
		throw error;
	}
	finally {
		await engine.removeContainer(id);
	}
}
async function createRun({ server, scope, network = 'bridge', signal }, { image, command, environment, files, mounts, folder, isOutside }) {
	signal.throwIfAborted();
	const { engine } = server;
	const labels = {
		[model_labels .d.role]: 'backup',
		[model_labels .d.project]: scope.project,
		[model_labels .d.environment]: scope.environment,
	};
	const name = `${runPrefix(scope)}${(0,external_node_crypto_.randomBytes)(4).toString('hex')}`;
	const id = await engine.createContainer(name, {
		Image: image,
		Entrypoint: command.slice(0, 1),
		Cmd: command.slice(1),
		User: '0:0',
		Env: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
		Labels: labels,
		HostConfig: {
			Init: true,
			NetworkMode: isOutside ? network : 'none',
			Mounts: [{ Type: 'volume', Target: JOB_FOLDER, VolumeOptions: { Labels: labels } }, ...mounts],
			...(folder !== undefined && { Binds: [`${folder.onServer}:${folder.inside}`] }),
			LogConfig: { Type: 'json-file', Config: {} },
		},
	});
	try {
		const entries = Object.entries(files).map(([path, text]) => ({
			path,
			content: Buffer.from(text),
			mode: 0o400,
			uid: 0,
			gid: 0,
		}));
		await engine.writeEntries(id, JOB_FOLDER, entries);
	}
	catch (error) {
		await engine.removeContainer(id);
		throw error;
	}
	return id;
}
const DEAD_AFTER_MS = 10 * 60_000;
async function removeDeadRuns({ server, scope, clock }) {
	const { engine } = server;
	const own = {
		label: [`${model_labels .d.role}=backup`, `${model_labels .d.project}=${scope.project}`],
		name: [runPrefix(scope)],
	};
	const found = await engine.listContainers(own);
	const ended = found.filter(({ State }) => State === 'exited' || State === 'created');
	for (const { Id = '' } of ended) {
		const { State, Created } = (await engine.findContainer(Id)) ?? {};
		const at = Math.max(Date.parse(State?.FinishedAt ?? ''), Date.parse(Created ?? ''));
		if (clock.now() - at > DEAD_AFTER_MS)
			await engine.removeContainer(Id);
	}
}
function runPrefix(scope) {
	return `${(0,model_names .OK)(scope)}_restic_`;
}
;
async function prepareRepository(restic, isExpected) {
	if (await isThere(restic))
		return;
	if (isExpected) {
		throw new errors .yo(`${restic.surroundings.server.name}: backups at ${restic.title}: there is no repository, and backups were made there`, {
			hint: 'Has "to" changed, is a disk not mounted, or was it removed? A new one is made where you say so: remove the receipts of this place from the state branch ("backups/").',
		});
	}
	await restic.run(['init']).catch(async (error) => {
		if (!(await isThere(restic).catch(() => false)))
			throw error;
	});
	if (!(await isThere(restic)))
		throw restic.explain(EXIT.noRepository, '');
}
const PATIENCE_MS = 30_000;
async function isThere(restic) {
	const { exitCode } = await restic.run(['cat', 'config'], {
		expected: [EXIT.noRepository],
		patienceMs: PATIENCE_MS,
	});
	return exitCode === 0;
}
;
const FOLDER = '/opt/switchyard-restic';
const OWN_PROGRAMS = { restic: 'restic', ssh: 'ssh', environment: {}, mounts: [] };
const program_SCRIPT = `set -eu
folder=$1
cd "$folder"
[ ! -e ready ] || exit 0
mkdir -p bin lib
place() {
  chmod 755 "$1"
  mv -f "$1" "$2"
}
bring() {
  from=$(command -v "$1") || return 0
  libraries=$(ldd "$from" 2>/dev/null | sed -n 's/.*=> \\(\\/[^ ]*\\) .*/\\1/p; s/^[[:space:]]*\\(\\/[^ ]*\\) (.*/\\1/p') || true
  if [ -z "$libraries" ]; then
    cp -L "$from" "bin/$1.$$"
    place "bin/$1.$$" "bin/$1"
    return 0
  fi
  for library in $libraries "$from"; do
    name=\${library##*/}
    cp -L "$library" "lib/$name.$$"
    place "lib/$name.$$" "lib/$name"
    case $name in ld-*) loader=$name ;; esac
  done
  printf '#!/bin/sh\\nexec %s/%s --library-path %s %s/%s "$@"\\n' "$folder/lib" "$loader" "$folder/lib" "$folder/lib" "$1" >"bin/$1.$$"
  place "bin/$1.$$" "bin/$1"
}
bring restic
bring ssh
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt roots.pem
[ -x bin/restic ]
: >ready
`;
async function bringPrograms(surroundings, image) {
	const { server } = surroundings;
	const found = await server.engine.findImage(image);
	const id = found?.Id?.replace('sha256:', '').slice(0, 12);
	if (id === undefined)
		throw new Error(`the image ${image} is not on ${server.name}`);
	const volume = {
		Type: 'volume',
		Source: `switchyard_restic_${id}`,
		Target: FOLDER,
		VolumeOptions: { NoCopy: true },
	};
	const { exitCode, stderr } = await runContainer(surroundings, {
		image,
		command: ['sh', '-c', program_SCRIPT, 'sh', FOLDER],
		environment: {},
		files: {},
		mounts: [volume],
		isOutside: false,
	}).catch((error) => ({ exitCode: 1, stderr: (0,errors .bD)(error) }));
	if (exitCode !== 0) {
		throw new errors .yo(`${server.name}: restic cannot be taken from the image ${image}: ${stderr.trim()}`, {
			hint: 'It has to have restic 0.17 or newer and a shell, as the official one has: "backup.image" in the file names it.',
		});
	}
	return {
		restic: `${FOLDER}/bin/restic`,
		ssh: `${FOLDER}/bin/ssh`,
		environment: { SSL_CERT_FILE: `${FOLDER}/roots.pem` },
		mounts: [{ ...volume, ReadOnly: true }],
	};
}
;
const LOCK_PATIENCE = '2m';
class Restic {
	surroundings;
	repository;
	#image;
	constructor(surroundings, repository, image) {
		this.surroundings = surroundings;
		this.repository = repository;
		this.#image = image;
	}
	get title() {
		return (0,backup_target .oI)(this.repository.target);
	}
	requestFor(command) {
		const access = accessTo(this.repository, this.surroundings.scope, OWN_PROGRAMS);
		return {
			image: this.#image,
			command: [...access.command, ...command],
			environment: access.environment,
			files: access.files,
			mounts: access.mounts,
			isOutside: this.repository.target.kind !== 'disk',
		};
	}
	async run(command, options = {}) {
		const { exitCode, stdout, stderr } = await this.#attempt(command, options);
		if (exitCode === 0 || options.expected?.includes(exitCode))
			return { exitCode, values: valuesOf(stdout) };
		throw this.explain(exitCode, stderr);
	}
	explain(exitCode, stderr) {
		return explainRestic({ exitCode, stderr, target: this.title, server: this.surroundings.server.name });
	}
	async #attempt(command, { folder, patienceMs }) {
		const attempt = (words) => runContainer(this.surroundings, { ...this.requestFor(words), folder, patienceMs });
		const patient = ['--retry-lock', LOCK_PATIENCE, '--cleanup-cache', '--json', ...command];
		const ended = await attempt(patient);
		if (ended.exitCode !== EXIT.locked)
			return ended;
		await attempt(['unlock']);
		return await attempt(patient);
	}
}
function valuesOf(stdout) {
	const text = stdout.trim();
	if (text === '')
		return [];
	try {
		return [JSON.parse(text)];
	}
	catch {
		return text.split('\n').flatMap((line) => {
			try {
				return [JSON.parse(line)];
			}
			catch {
				return [];
			}
		});
	}
}
;
async function openRepository(surroundings, { isExpected, authFor, ...request }) {
	const { spec, owner } = request;
	await removeDeadRuns(surroundings);
	await ensureImage(surroundings, spec.image, authFor);
	const repository = repositoryOf(request);
	const restic = new Restic(surroundings, repository, spec.image);
	const [programs] = await Promise.all([
		bringPrograms(surroundings, spec.image),
		prepareRepository(restic, isExpected || owner !== undefined),
	]);
	return accessTo(repository, surroundings.scope, programs);
}
function repositoryOf({ spec, secrets, owner, }) {
	return { target: spec.to, password: secrets[spec.passwordSecret] ?? '', secrets, ...(owner && { owner }) };
}
async function ensureImage({ server: { engine, name }, signal }, image, authFor) {
	if ((await engine.findImage(image)) !== undefined)
		return;
	const auth = await authFor(image);
	try {
		await engine.pullImage(image, { ...(auth && { auth }), onProgress: () => undefined, signal });
	}
	catch (error) {
		if (signal.aborted)
			throw signal.reason;
		throw new errors .yo(`${name}: pulling ${image} failed: ${(0,errors .bD)(error)}`, {
			hint: 'It is the image of restic: "backup.image" in the file names it.',
			cause: error,
		});
	}
}
;
const KEPT_MS = 24 * 3_600_000;
async function tidyRestores(surroundings, { service, spec }, isAlone) {
	const { clock } = surroundings;
	const container = await requireRunning(surroundings, service);
	const program = programOf(spec);
	const names = program.namesOf(container, newBackupId(new Date(clock.now())));
	const { output } = await runJob(surroundings, {
		title: `the tidying after restores of ${service}`,
		service,
		image: container.imageId,
		network: `container:${container.id}`,
		memoryBytes: DUMP_MEMORY_BYTES,
		...jobOf(program.tidy(container, names, tidyBefore(clock.now(), isAlone)), NO_ACCESS, {}),
	});
	return (output.get('kept') ?? '').split('\n').filter((name) => name !== '');
}
const END_OF_TIME = 'z';
function tidyBefore(now, isAlone) {
	const [due = ''] = newBackupId(new Date(now - KEPT_MS)).split('-');
	return { half: isAlone ? END_OF_TIME : due, kept: due };
}
function isDue(restores, server, now) {
	return restores.some((one) => one.server === server && Date.parse(one.kept_until) <= now);
}
function settle(restores, server, kept, now) {
	const own = restores.filter((one) => one.server === server);
	const isKept = (one) => one.kept !== undefined && kept.includes(one.kept);
	return {
		restores: own
			.filter((one) => isKept(one) && one.done_at === undefined)
			.map((one) => ({ ...one, done_at: new Date(now).toISOString() })),
		ended: own.filter((one) => !isKept(one)),
	};
}
;
async function restoreInPlace(surroundings, source, restoring) {
	const { receipt, keep } = restoring;
	await tidyUp(surroundings, source, restoring.restores, keep);
	const began = begin(surroundings, source, receipt);
	await keep({ restores: [began], ended: [] });
	try {
		const done = await bringBack(surroundings, source, restoring, began);
		await keep({ restores: [done], ended: [] });
		return done;
	}
	catch (error) {
		await tidyUp(surroundings, source, [began], keep).catch((left) => {
			surroundings.log.debug(`${surroundings.server.name}: what the restore of ${source.service} has filled stays for now: ${left}`);
		});
		throw error;
	}
}
function begin({ clock, server, scope }, { service, author }, { id, environment }) {
	const now = clock.now();
	return {
		...{ schema: 1, ...scope, service, id: newBackupId(new Date(now)), server: server.name },
		...{ backup: id, from: environment, began_at: new Date(now).toISOString() },
		kept_until: new Date(now + KEPT_MS).toISOString(),
		...{ run: author.run, actor: author.actor },
	};
}
async function tidyUp(surroundings, source, restores, keep) {
	const kept = await tidyRestores(surroundings, source, true);
	const { server, clock } = surroundings;
	const settled = settle(restores, server.name, kept, clock.now());
	if (settled.restores.length + settled.ended.length > 0)
		await keep(settled);
}
async function bringBack(surroundings, { service, spec, access }, { receipt, mask, keep, confirm }, began) {
	const { server, clock, scope } = surroundings;
	const container = await requireRunning(surroundings, service);
	const program = programOf(spec);
	const names = program.namesOf(container, began.id);
	const title = `the restore of ${service} from backup ${receipt.id}`;
	const place = {
		service,
		image: container.imageId,
		network: `container:${container.id}`,
		memoryBytes: DUMP_MEMORY_BYTES,
	};
	const isForeign = receipt.environment !== scope.environment || receipt.project !== scope.project;
	const beside = program.restoreBeside(container, receipt.query, names, isForeign);
	const filled = await runJob(surroundings, {
		title,
		...place,
		...jobOf(beside, access, snapshotsOf(receipt, program)),
	});
	requireWhole(`${server.name}: ${title}`, receipt, program.factsOf(filled.output));
	if (mask !== undefined) {
		const masking = program.mask(container, names, mask);
		await runJob(surroundings, {
			title: `the masking of ${service}`,
			...place,
			...jobOf(masking, NO_ACCESS, {}),
		});
	}
	await confirm();
	const at = clock.now();
	const { kept } = program.namesOf(container, newBackupId(new Date(at)));
	const swapping = { ...began, kept, kept_until: new Date(at + KEPT_MS).toISOString() };
	await keep({ restores: [swapping], ended: [] });
	const swap = program.swap(container, { ...names, kept });
	await runJob(surroundings, { title, ...place, ...jobOf(swap, NO_ACCESS, {}) });
	return { ...swapping, done_at: new Date(clock.now()).toISOString() };
}
;
async function restoreVolumes(surroundings, { service, spec, access }, content, receipt) {
	const { server, scope } = surroundings;
	if (receipt.content !== 'volumes') {
		throw new errors .yo(`backup ${receipt.id} of ${service} is of a ${receipt.content}, and the file says volumes`, {
			hint: 'Pull it to see what it has: "operation: pull".',
		});
	}
	const mark = receipt.id.replace(/-/g, '_');
	const restored = content.volumes.map((volume) => ({ volume, restored: `${volume}_restored_${mark}` }));
	for (const { restored: name } of restored) {
		if (!(await server.engine.hasVolume((0,model_names .EH)(scope, name))))
			continue;
		throw new errors .yo(`${server.name}: there is a volume ${(0,model_names .EH)(scope, name)} already`, {
			hint: 'An earlier restore of the same backup has made it. Remove it ("docker volume rm") if nothing uses it, and run again.',
		});
	}
	const names = restored.map(({ volume, restored: name }) => [volume, (0,model_names .EH)(scope, name)]);
	const title = `the restore of ${service} from backup ${receipt.id}`;
	try {
		const { output } = await runJob(surroundings, {
			title,
			service,
			memoryBytes: DUMP_MEMORY_BYTES,
			image: spec.image,
			network: 'bridge',
			...jobOf(restoreVolumesJob(spec.image, new Map(names)), access, snapshotsOf(receipt, program_for_programFor(spec, scope))),
		});
		requireWhole(`${server.name}: ${title}`, receipt, program_for_programFor(spec, scope).factsOf(output));
	}
	catch (error) {
		for (const [, name] of names)
			await server.engine.removeVolume(name);
		throw error;
	}
	return restored;
}
;
async function createBackups(request) {
	const { author, leaseWaitMs, signal } = request;
	const isAnyStopped = chosenOf(request).some(({ spec }) => isStopped(spec));
	const back = async (holder, work) => {
		const { spec, service } = holder;
		const receipt = await work.step(`Back up ${service} on ${holder.server.name}`, () => isStopped(spec) ? makeStopped(work) : makeBackup(work.surroundings, work.source));
		await work.keep(receipt, `backup ${receipt.id} of ${service}`);
		const before = await work.receipts();
		if (!isVerifiedNow(spec, before, receipt))
			return { receipt };
		return await verified(work, receipt);
	};
	return await withHolders(request, back, isAnyStopped ? { author, leaseWaitMs, signal } : 'read');
}
function isStopped({ content }) {
	return content.kind === 'volumes' && content.isStopped;
}
async function makeStopped({ surroundings, source, environment }) {
	const { server, scope, log, clock, signal } = surroundings;
	const { service, author } = source;
	const found = await findStanding(server, scope, service);
	if (found === undefined)
		throw new Error(`${service} has gone meanwhile`);
	const pause = { service, server: server.name, id: found.id, run: author.run, log, clock, signal };
	if (!found.isRunning)
		await resumeStopped(environment, pause);
	return await whileStopped(environment, pause, () => makeBackup(surroundings, source));
}
async function verifyBackups(request) {
	return await withHolders(request, async ({ service }, work) => {
		const receipts = await work.receipts();
		return await verified(work, chooseBackup(service, receipts, request.which, 'made'));
	});
}
async function restoreBackups(request) {
	const { author, leaseWaitMs, signal, from, mask, services = [] } = request;
	const [name] = services;
	if (name === undefined || services.length !== 1) {
		throw new errors .yo('a restore needs the name of the service whose data comes back', {
			hint: 'Write it as the input "service", one name.',
		});
	}
	const origin = from && (await openOrigin(from, name));
	const restore = async ({ service, spec, server }, work) => {
		const receipts = await work.receipts();
		const receipt = chooseBackup(service, receipts, request.which, 'verified');
		if (receipt.content !== spec.content.kind)
			throw isOfAnotherKind(receipt, spec);
		if (spec.content.kind === 'command')
			throw isForPeople(receipt);
		const title = `Restore backup ${receipt.id} of ${service} on ${server.name}`;
		if (spec.content.kind === 'volumes') {
			const { content } = spec;
			const volumes = await work.step(title, () => restoreVolumes(work.surroundings, work.source, content, receipt));
			for (const { volume, restored } of volumes) {
				request.log.warning(`${volume} of ${service}, as it was at ${receipt.began_at}, is the volume ${restored} on ${server.name}. Nothing uses it yet: write it in place of ${volume} in the file, and deploy`);
			}
			return { receipt, volumes };
		}
		const restores = await work.restores();
		const { keepRestores: keep, confirm } = work;
		const restored = await work.step(title, () => restoreInPlace(work.surroundings, work.source, { receipt, mask, restores, keep, confirm }));
		request.log.warning(`${(0,backups .mZ)(restored)}. The first backup after that removes it`);
		return { receipt, restore: restored };
	};
	return await withHolders(request, restore, { author, leaseWaitMs, signal }, origin);
}
function isForPeople({ id, service }) {
	return new errors .yo(`backup ${id} of ${service} is what a command has printed, and nobody knows what takes it`, {
		hint: 'Bring it to the server with "operation: pull" and "server-folder", and give it to the program that reads it.',
	});
}
function isOfAnotherKind({ id, content, image }, spec) {
	return new errors .yo(`backup ${id} is of a ${content} (${image}), and the service is a ${spec.content.kind}`, {
		hint: 'Is the service the right one? "operation: pull" writes a backup to a folder, for whatever else shall be done with it.',
	});
}
async function verified(work, receipt) {
	const { service, id } = receipt;
	try {
		const verification = await work.step(`Restore backup ${id} of ${service} into a scratch container`, () => verifyBackup(work.surroundings, work.source, receipt));
		const { unverified: _earlier, ...known } = receipt;
		const good = { ...known, verified: verification };
		await work.keep(good, `backup ${id} of ${service} verified`);
		return { receipt: good };
	}
	catch (error) {
		const bad = { ...receipt, unverified: (0,errors .bD)(error).split('\n')[0] ?? '' };
		delete bad.verified;
		await work.keep(bad, `backup ${id} of ${service} not verified`);
		throw error;
	}
}
function isVerifiedNow({ verify }, before, { began_at }) {
	if (verify !== 'daily')
		return verify === 'always';
	return !before.some(({ verified: found }) => found?.at.slice(0, 10) === began_at.slice(0, 10));
}
async function withHolders(request, work, access = 'read', origin) {
	const { wanted: file, excludedServers, clock, log, author, signal, registryAuth } = request;
	const chosen = origin === undefined ? chosenOf(request) : chosenFor(request, origin);
	const narrowing = { services: undefined, zones: undefined, excludedServers };
	const opening = { wanted: file, narrowing, access, timeline: new timeline .K(clock) };
	return await (0,environment .E)(request, opening, async (environment) => {
		const { wanted, fleet, journal } = environment;
		fleet.guardWith(() => journal.lease?.assertMayChange());
		const secrets = origin?.secrets ?? (await repositorySecrets(request, environment));
		const scope = { project: wanted.project, environment: wanted.environment };
		const holders = await holdersOf(fleet, scope, chosen);
		const outcomes = [];
		for (const holder of holders) {
			const { service, server } = holder;
			const told = { service, server: server.name };
			try {
				const surroundings = { server, scope, clock, log, signal };
				const { spec } = origin ?? holder;
				if (origin !== undefined)
					await requireWithinReach(server, origin);
				const owner = origin?.scope;
				const known = origin?.receipts ?? (await journal.snapshot.receipts(service));
				const isExpected = known.some(({ target }) => target === (0,backup_target .oI)(spec.to));
				const repository = { spec, secrets, owner, isExpected, authFor: registryAuth };
				const source = {
					...{ service, spec: holder.spec, author },
					access: await openRepository(surroundings, repository),
				};
				const keepRestores = (settled) => journal.keepRestores(settled, `restore of ${service} on ${server.name}`, author);
				const receipts = async () => {
					const recorded = origin?.receipts ?? (await journal.snapshot.receipts(service));
					const restic = new Restic(surroundings, repositoryOf(repository), spec.image);
					const lost = { service, spec, owner: owner ?? scope };
					const found = await findUnknown(surroundings, restic, lost, recorded);
					if (origin === undefined)
						await keepFound(journal, found, author);
					return [...recorded, ...found].sort((one, other) => (one.id < other.id ? -1 : 1));
				};
				const restores = await journal.snapshot.restores(service);
				if (access === 'read' && isDue(restores, server.name, clock.now())) {
					const kept = await tidyRestores(surroundings, source, false);
					await keepRestores(settle(restores, server.name, kept, clock.now()));
				}
				const worked = await work(holder, {
					environment,
					surroundings,
					source,
					step: (title, inner) => log.group(title, inner),
					keep: (kept, what) => journal.keepReceipts([kept], what, author),
					receipts,
					restores: () => journal.snapshot.restores(service),
					keepRestores,
					confirm: async () => await journal.lease?.confirm(),
				});
				outcomes.push({ ...told, ...worked });
			}
			catch (error) {
				if (signal.aborted || !(error instanceof errors .yo))
					throw error;
				outcomes.push({ ...told, failure: error });
			}
		}
		return { outcomes };
	});
}
function chosenOf({ wanted, services, }) {
	const all = wanted.services.flatMap(({ name, backup }) => backup === undefined ? [] : [{ service: name, spec: backup }]);
	const unknown = services?.find((name) => !all.some(({ service }) => service === name));
	if (unknown !== undefined || all.length === 0) {
		throw new errors .yo(unknown === undefined
			? `nothing of ${wanted.project} ${wanted.environment} is backed up`
			: `the file does not back up ${JSON.stringify(unknown)}`, {
			hint: 'Write backup: true at a service that is a database, and backup: { volumes: true, stop: true } at another one.',
		});
	}
	return services === undefined ? all : all.filter(({ service }) => services.includes(service));
}
function find({ content }) {
	return content.kind === 'volumes' ? findStanding : findRunning;
}
function chosenFor({ wanted, services = [] }, { spec }) {
	return services.map((service) => ({
		service,
		spec: wanted.services.find(({ name }) => name === service)?.backup ?? spec,
	}));
}
async function holdersOf(fleet, scope, chosen) {
	const found = await fleet.onAll(async (server) => {
		const here = await Promise.all(chosen.map(async (one) => (await find(one.spec)(server, scope, one.service)) ? [{ ...one, server }] : []));
		return here.flat();
	});
	const holders = found.flat();
	const missing = chosen.find(({ service }) => !holders.some((holder) => holder.service === service));
	if (missing === undefined)
		return holders;
	throw new errors .yo(`${missing.service} runs on none of the servers, so nobody can ask it for its data`, {
		hint: 'Deploy it first. What it had before is in its earlier backups: "operation: restore" brings it back.',
	});
}
var promises_ = __webpack_require__(1455);
var external_node_path_ = __webpack_require__(4379);
var external_node_fs_ = __webpack_require__(3024);
var external_node_stream_ = __webpack_require__(7075);
var external_node_stream_promises_ = __webpack_require__(6466);
var container_path = __webpack_require__(2912);
;
const LONGEST_S = 6 * 60 * 60;
async function pullToRunner(restic, { snapshot, path }, file) {
	const { server, signal } = restic.surroundings;
	const { command, ...request } = restic.requestFor(['dump', '--no-lock', snapshot, path]);
	const id = await createRun(restic.surroundings, { ...request, command: ['sleep', String(LONGEST_S)] });
	const partial = `${file}.partial`;
	try {
		await server.engine.startContainer(id);
		const dump = await server.engine.execStream(id, command, { signal });
		const sent = new Digest();
		await (0,external_node_stream_promises_.pipeline)(dump.stdout, sent, (0,external_node_fs_.createWriteStream)(partial, { mode: 0o600 }), { signal });
		const { exitCode, stderr } = await dump.ended;
		if (exitCode !== 0)
			throw restic.explain(exitCode, stderr);
		const written = new Digest();
		await (0,external_node_stream_promises_.pipeline)((0,external_node_fs_.createReadStream)(partial), written, async (chunks) => {
			for await (const _chunk of chunks)
				;
		});
		const { sha256, bytes } = sent.result();
		if (written.result().sha256 !== sha256) {
			throw new errors .yo(`${file} is not what was pulled: its digest is another one`, {
				hint: 'Is the disk of this machine in order? Pull it again, to another place.',
			});
		}
		await (0,promises_.rename)(partial, file);
		return { bytes, sha256 };
	}
	finally {
		await (0,promises_.rm)(partial, { force: true });
		await server.engine.removeContainer(id);
	}
}
const SERVER_FOLDER = '/srv/switchyard-pulled';
async function pullToServer(restic, { snapshot, path }, folder) {
	if (!(0,container_path .Z)(folder)) {
		throw new errors .yo(`${JSON.stringify(folder)} is no folder of a server`, {
			hint: 'Write its whole path: /srv/pulled.',
		});
	}
	const words = ['restore', '--no-lock', `${snapshot}:${parentOf(path)}`, '--target', SERVER_FOLDER];
	await restic.run([...words, '--include', path.slice(path.lastIndexOf('/')), '--verify', '--overwrite', 'never'], {
		folder: { onServer: folder, inside: SERVER_FOLDER },
	});
	return `${folder}${path.slice(path.lastIndexOf('/'))}`;
}
function parentOf(path) {
	return path.slice(0, path.lastIndexOf('/')) || '/';
}
class Digest extends external_node_stream_.Transform {
	#hash = (0,external_node_crypto_.createHash)('sha256');
	#bytes = 0;
	_transform(chunk, _encoding, done) {
		this.#hash.update(chunk);
		this.#bytes += chunk.length;
		this.push(chunk);
		done();
	}
	result() {
		return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
	}
}
;
const Groups = schemas .YOg(schemas ._H3({ remove: schemas .YOg(schemas ._H3({ id: schemas .YjP() })).nullish() }));
async function pruneBackups(restic, owner, retention, protectedBackups = []) {
	const tags = ownerTags(owner);
	const all = await snapshots_snapshotsOf(restic, tags);
	const data = all.filter((one) => tagValue(one, 'part') === 'data');
	const { values } = await restic.run([
		...['forget', '--dry-run', '--tag', [...tags, 'part=data'].join(',')],
		...['--group-by', ''],
		...keepOptions(retention),
	]);
	const removed = values.flatMap((value) => Groups.parse(value ?? [])).flatMap(({ remove }) => remove ?? []);
	const given = backupsToRemove(all, new Set(removed.map(({ id }) => id)), protectedBackups);
	if (given.snapshots.length > 0)
		await restic.run(['forget', '--prune', ...given.snapshots]);
	return { backups: given.backups, kept: data.length - given.backups.length };
}
function ownerTags({ project, environment, service }) {
	return [`project=${project}`, `environment=${environment}`, `service=${service}`];
}
function keepOptions({ daily, weekly, monthly }) {
	const options = [
		...(daily > 0 ? ['--keep-daily', String(daily)] : []),
		...(weekly > 0 ? ['--keep-weekly', String(weekly)] : []),
		...(monthly > 0 ? ['--keep-monthly', String(monthly)] : []),
	];
	return options.length > 0 ? options : ['--keep-last', '1'];
}
function backupsToRemove(all, removedData, protectedBackups) {
	const backups = all
		.filter(({ id }) => removedData.has(id))
		.flatMap((one) => tagValue(one, 'backup') ?? [])
		.filter((backup) => !protectedBackups.includes(backup));
	const snapshots = all.filter((one) => backups.includes(tagValue(one, 'backup') ?? '')).map(({ id }) => id);
	return { backups, snapshots };
}
;
async function listBackups(request) {
	return await withKept(request, async ({ service, server, scope, restic, receipts }) => {
		const there = new Set((await snapshots_snapshotsOf(restic, ownerTags({ ...scope, service }))).map(({ id }) => id));
		return receipts.map((receipt) => ({
			service,
			server: server.name,
			receipt,
			...(!there.has(receipt.snapshot) && { failure: isGone(receipt) }),
		}));
	});
}
async function pruneOldBackups(request) {
	return await withKept(request, async ({ service, spec, server, scope, restic, receipts, journal }) => {
		const lastGood = receipts.filter(({ verified }) => verified !== undefined).at(-1);
		const owner = { ...scope, service };
		const { backups, kept } = await pruneBackups(restic, owner, spec.retention, lastGood ? [lastGood.id] : []);
		const went = receipts.filter(({ id }) => backups.includes(id));
		request.log.info(`${service}: ${kept} backups are kept, ${backups.length} went`);
		if (went.length > 0) {
			await journal.forgetReceipts(went, `${went.length} old backups of ${service} given up`, request.author);
		}
		return went.map((receipt) => ({ service, server: server.name, receipt }));
	});
}
async function pullBackups(request) {
	const { log, which, folder, serverFolder } = request;
	return await withKept(request, async ({ service, server, scope, restic, receipts }) => {
		const receipt = chooseBackup(service, receipts, which, 'made');
		const found = await snapshots_snapshotsOf(restic, ownerTags({ ...scope, service }));
		const [path = '/'] = found.find(({ id }) => id === receipt.snapshot)?.paths ?? [];
		if (path === '/')
			throw isGone(receipt);
		const pulled = { snapshot: receipt.snapshot, path };
		const told = { service, server: server.name, receipt };
		if (serverFolder !== undefined) {
			const below = external_node_path_.posix.join(serverFolder, `${service}-${receipt.id}`);
			const file = await pullToServer(restic, pulled, below);
			log.info(`backup ${receipt.id} of ${service} is ${file} on ${server.name}`);
			return [{ ...told, file }];
		}
		await (0,promises_.mkdir)(folder, { recursive: true });
		const file = (0,external_node_path_.join)(folder, `${service}-${receipt.id}${receipt.content === 'volumes' ? '.tar' : external_node_path_.posix.extname(path)}`);
		const { bytes, sha256 } = await pullToRunner(restic, pulled, file);
		log.info(`backup ${receipt.id} of ${service} is ${file}: ${bytes} bytes, sha256 ${sha256}`);
		return [{ ...told, file, sha256 }];
	});
}
async function withKept(request, work) {
	const { wanted: file, excludedServers, clock, signal, registryAuth } = request;
	const chosen = chosenOf(request);
	const narrowing = { services: undefined, zones: undefined, excludedServers };
	const opening = { wanted: file, narrowing, access: 'read', timeline: new timeline .K(clock) };
	return await (0,environment .E)(request, opening, async (environment) => {
		const { wanted, fleet, journal } = environment;
		const secrets = await repositorySecrets(request, environment);
		const scope = { project: wanted.project, environment: wanted.environment };
		const outcomes = [];
		const restores = await Promise.all(chosen.map(({ service }) => journal.snapshot.restores(service)));
		for (const { service, spec } of chosen) {
			const all = await journal.snapshot.receipts(service);
			for (const { name, receipts: recorded } of placesOf(fleet, spec, all)) {
				try {
					const server = serverNamed(fleet, name, service);
					const surroundings = { server, scope, clock, log: request.log, signal };
					await removeDeadRuns(surroundings);
					await ensureImage(surroundings, spec.image, registryAuth);
					const restic = new Restic(surroundings, repositoryOf({ spec, secrets }), spec.image);
					const found = await findUnknown(surroundings, restic, { service, spec, owner: scope }, recorded);
					await keepFound(journal, found, request.author);
					const receipts = [...recorded, ...found];
					outcomes.push(...(await work({ service, spec, server, restic, scope, receipts, journal })));
				}
				catch (error) {
					if (signal.aborted || !(error instanceof errors .yo))
						throw error;
					outcomes.push({ service, server: name, failure: error });
				}
			}
		}
		return { outcomes, restores: restores.flat() };
	});
}
function placesOf({ servers }, { to }, receipts) {
	if (to.kind === 'disk' && receipts.length > 0) {
		const byServer = Map.groupBy(receipts, ({ server }) => server);
		return [...byServer].map(([name, own]) => ({ name, receipts: own }));
	}
	if (to.kind === 'disk')
		return servers.map(({ name }) => ({ name, receipts }));
	const last = servers.find(({ name }) => name === receipts.at(-1)?.server) ?? servers[0];
	return last === undefined ? [] : [{ name: last.name, receipts }];
}
function serverNamed({ servers }, name, service) {
	const found = servers.find((server) => server.name === name);
	if (found !== undefined)
		return found;
	throw new errors .yo(`backups of ${service} lie on the disk of ${name}, which is none of the servers`, {
		hint: `Where ${name} has gone they have gone with it. "to" in the file names a place elsewhere.`,
	});
}
function isGone({ id, service, target }) {
	return new errors .yo(`backup ${id} of ${service} is on the record, and not at ${target}`, {
		hint: 'Somebody has removed it there. Make a new one now: the action backup with "operation: create".',
	});
}
;
  })
};
;
