/**
 * COUNTING_PROGRAM counts the requests that an edge has written down, and writes the counts as Prometheus reads them. It is
 * for any awk (mawk, gawk, busybox): nothing but nginx is on a server, and every image that has nginx has one of them.
 * Its commands are fixed texts; names reach them through a file. It ends when another configuration is live, and its
 * counts are taken over by that one's program.
 */
export const COUNTING_PROGRAM = `# Counts the requests that nginx writes to /dev/shm. Written by Switchyard.
BEGIN {
  CONFIG = "/etc/switchyard"
  SHM = "/dev/shm"
  CODES = " 200 201 202 204 206 301 302 303 304 307 308 400 401 403 404 405 408 409 410 413 415 416 422 426 429 444 494 497 499 500 501 502 503 504 "
  EDGES = split("0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60", EDGE, " ")
  WINDOW = 300
  NOW = clock("date +%s")
  POINTER = pointer()
  load()
  restore()
  publish()
  while (1) {
    NOW = clock("sleep 2; date +%s")
    if (pointer() != POINTER) break
    # Two seconds after its turn all that belongs into a file is there.
    if (NOW % 5 >= 2 && int(NOW / 5) != turn) {
      turn = int(NOW / 5)
      lookAtFlags()
      count(SHM "/requests." (NOW % 10 >= 5 ? 0 : 1))
      publish()
    }
  }
  keep()
}

function clock(command,   now) {
  if ((command | getline now) < 1) exit
  close(command)
  return now + 0
}

# The line that says which configuration is live.
function pointer(   line, found) {
  while ((getline line < (CONFIG "/nginx.conf")) > 0) if (line ~ /^include /) found = line
  close(CONFIG "/nginx.conf")
  return found
}

# Reads which copies there are, of all environments that the live configuration names.
function load(   main, live, line, scope) {
  live = POINTER ~ /\\/b\\/main\\.conf/ ? "b" : "a"
  main = CONFIG "/" live "/main.conf"
  while ((getline line < main) > 0) {
    if (line !~ /include .*\\/control\\/[a-z0-9_-]+\\.conf;/) continue
    scope = line
    sub(/.*\\/control\\//, "", scope)
    sub(/\\.conf;.*/, "", scope)
    loadScope(CONFIG "/" live "/backends/" scope ".tsv")
  }
  close(main)
}

function loadScope(file,   line, f, labels) {
  while ((getline line < file) > 0) {
    if (split(line, f, "\\t") != 11) continue
    ENVIRONMENT[f[1]] = "project=\\"" f[2] "\\",environment=\\"" f[3] "\\",service=\\"" f[4] "\\",zone=\\"" f[5] "\\""
    labels = ENVIRONMENT[f[1]] ",copy=\\"" f[7] "\\",side=\\"" f[8] "\\",server=\\"" f[9] "\\""
    OWNER[labels] = f[1]
    FLAG[labels] = f[10]
    WHEN[labels] = f[11]
    if (f[10] != "-") { FLAGS[f[10]] = 0; FLAGGED[f[10]] = f[1] }
    if (f[6] ~ /^[0-9.]+:[0-9]+$/) COPY[f[1], f[6]] = AT[f[6]] = labels
    else NAMES[f[1]] = NAMES[f[1]] f[6] "\\t" labels "\\n"
  }
  close(file)
}

# Where traffic has moved, names may stand for other addresses than before.
function lookAtFlags(   flag, is, line) {
  for (flag in FLAGS) {
    is = (getline line < (CONFIG "/flags/" flag)) >= 0
    close(CONFIG "/flags/" flag)
    if (is != FLAGS[flag]) resolve(FLAGGED[flag])
    FLAGS[flag] = is
  }
}

# Asks for the addresses of a service's copies on this server; for all of them at once, and not for longer than two seconds.
function resolve(key,   rows, n, i, f, at, line, found, names) {
  ASKED[key] = NOW
  n = split(NAMES[key], rows, "\\n")
  names = SHM "/names"
  printf "" > names
  for (i = 1; i < n; i++) {
    split(rows[i], f, "\\t")
    sub(/:.*/, "", f[1])
    if (!(f[1] in found)) print f[1] > names
    found[f[1]] = ""
  }
  close(names)
  while ((ASK | getline line) > 0) {
    split(line, f, " ")
    sub(/\\..*/, "", f[2])
    if (f[2] in found) found[f[2]] = f[1]
  }
  close(ASK)
  for (i = 1; i < n; i++) {
    split(rows[i], f, "\\t")
    split(f[1], at, ":")
    if (found[at[1]] != "") COPY[key, found[at[1]] ":" at[2]] = AT[found[at[1]] ":" at[2]] = f[2]
  }
}

function copyOf(key, address) {
  if ((key, address) in COPY) return COPY[key, address]
  if (address == "" || address == "-" || !(key in ENVIRONMENT)) return ENVIRONMENT[key]
  # What is unknown is asked for again after half a minute.
  if (key in NAMES && (!(key in ASKED) || NOW - ASKED[key] >= 30)) resolve(key)
  return (key, address) in COPY ? COPY[key, address] : ENVIRONMENT[key] ",copy=\\"unknown\\""
}

# What is alike in many lines is put together first: that is most of the work that each request costs.
# who, bytes in, bytes out, seconds, seconds of each try; who is key|status|address of each try|status of each try.
function count(file,   who, part) {
  FS = "\t"
  while ((getline < file) > 0) {
    if (NF != 5) { SKIPPED++; continue }
    N[$1]++
    IN[$1] += $2
    OUT[$1] += $3
    TOOK[$1, $4]++
    TRIED[$1, $5]++
  }
  close(file)
  printf "" > file
  close(file)
  for (who in N) tally(who)
  for (who in TOOK) { split(who, part, SUBSEP); if (part[1] in LAST) seconds(LAST[part[1]], "d", part[2], TOOK[who]) }
  for (who in TRIED) { split(who, part, SUBSEP); if (part[1] in LAST) tries(part[1], part[2], TRIED[who]) }
  split("", N); split("", IN); split("", OUT); split("", TOOK); split("", TRIED); split("", LAST)
}

function tally(who,   f) {
  if (split(who, f, "|") != 4 || f[2] !~ /^[0-9][0-9][0-9]$/) { SKIPPED += N[who]; return }
  if (f[1] == "") { add("", "c" codeOf(f[2]), N[who]); return }
  # The last requests to a service that has left.
  if (!(f[1] in ENVIRONMENT)) return
  sub(/.*(, | : )/, "", f[3])
  LAST[who] = copyOf(f[1], f[3])
  add(LAST[who], "c" codeOf(f[2]), N[who])
  add(LAST[who], "i", IN[who])
  add(LAST[who], "o", OUT[who])
}

function seconds(labels, what, took, times) {
  add(labels, what bucket(took), times)
  add(labels, what "s", took * times)
}

# What nginx gives as answer of a copy that gives none is 502 or 504.
function tries(who, took, times,   f, a, s, t, n, i) {
  split(who, f, "|")
  gsub(/ : /, ", ", f[3]); gsub(/ : /, ", ", f[4]); gsub(/ : /, ", ", took)
  n = split(f[3], a, ", "); split(f[4], s, ", "); split(took, t, ", ")
  for (i = 1; i <= n; i++) {
    if (a[i] == "" || a[i] == "-") continue
    if (s[i] == 502 || s[i] == 504) add(copyOf(f[1], a[i]), "f", times)
    else if (t[i] ~ /^[0-9]/) seconds(copyOf(f[1], a[i]), "u", t[i], times)
  }
}

# An app may answer with any number: those that are not common are counted by their class.
function codeOf(status) {
  return index(CODES, " " status " ") ? status : substr(status, 1, 1) "xx"
}

function bucket(took,   i) {
  for (i = 1; i <= EDGES; i++) if (took + 0 <= EDGE[i] + 0) return i
  return EDGES + 1
}

function add(labels, what, amount) {
  if (!(labels in KNOWN)) { KNOWN[labels] = ""; ORDER[++SERIES] = labels }
  if (substr(what, 1, 1) == "c" && !((labels, what) in SUM)) KNOWN[labels] = KNOWN[labels] substr(what, 2) " "
  SUM[labels, what] += amount
}

function publish(   out) {
  out = SHM "/metrics.next"
  figures(out)
  system("mv /dev/shm/metrics.next /dev/shm/metrics")
  if (NOW - BEGUN < WINDOW && NOW >= BEGUN) return
  BEGUN = NOW
  # Of two copies the older one is between one window and two windows old.
  system("cd /dev/shm && { [ ! -f metrics.middle ] || mv metrics.middle metrics.before; } && cp metrics metrics.middle && { [ -f metrics.before ] || cp metrics metrics.before; }")
}

function figures(out,   i, j, n, codes, labels, flag) {
  head(out, "requests_total", "counter", "Requests that were answered, by the copy that answered last.")
  for (i = 1; i <= SERIES; i++) {
    labels = ORDER[i]
    if (labels == "") continue
    n = split(KNOWN[labels], codes, " ")
    for (j = 1; j <= n; j++) printf "switchyard_requests_total{%s,code=\\"%s\\"} %d\\n", labels, codes[j], SUM[labels, "c" codes[j]] > out
  }
  head(out, "unrouted_requests_total", "counter", "Requests to hosts that no route serves.")
  n = split(KNOWN[""], codes, " ")
  for (j = 1; j <= n; j++) printf "switchyard_unrouted_requests_total{code=\\"%s\\"} %d\\n", codes[j], SUM["", "c" codes[j]] > out
  histogram(out, "request_duration_seconds", "d", "From the first byte of a request to the last one of its answer.")
  histogram(out, "upstream_duration_seconds", "u", "From the connection to a copy to the last byte of its answer.")
  counter(out, "request_bytes_total", "i", "Bytes that clients have sent, with headers.")
  counter(out, "response_bytes_total", "o", "Bytes that clients were sent, with headers.")
  counter(out, "upstream_failures_total", "f", "Tries at which a copy gave no answer, whether or not another one did.")
  connections(out)
  head(out, "skipped_lines_total", "counter", "Lines that could not be read: the memory for them was full.")
  printf "switchyard_skipped_lines_total %d\\n", SKIPPED > out
  head(out, "updated_timestamp_seconds", "gauge", "When this was written.")
  printf "switchyard_updated_timestamp_seconds %d\\n", NOW > out
  close(out)
}

function head(out, name, type, help) {
  printf "# HELP switchyard_%s %s\\n# TYPE switchyard_%s %s\\n", name, help, name, type > out
}

function counter(out, name, what, help,   i) {
  head(out, name, "counter", help)
  for (i = 1; i <= SERIES; i++) if (ORDER[i] != "" && (ORDER[i], what) in SUM) printf "switchyard_%s{%s} %.0f\\n", name, ORDER[i], SUM[ORDER[i], what] > out
}

function histogram(out, name, what, help,   i, j, sum, labels) {
  head(out, name, "histogram", help)
  for (i = 1; i <= SERIES; i++) {
    labels = ORDER[i]
    if (labels == "" || !((labels, what "s") in SUM)) continue
    sum = 0
    for (j = 1; j <= EDGES + 1; j++) {
      if ((labels, what j) in SUM) sum += SUM[labels, what j]
      printf "switchyard_%s_bucket{%s,le=\\"%s\\"} %d\\n", name, labels, (j > EDGES ? "+Inf" : EDGE[j]), sum > out
    }
    printf "switchyard_%s_sum{%s} %.3f\\nswitchyard_%s_count{%s} %d\\n", name, labels, SUM[labels, what "s"], name, labels, sum > out
  }
}

# Those that are open now: of clients by the port that they came to, and of the edge to copies.
function connections(out,   labels, state, port) {
  split("", TO); split("", CAME)
  CAME[80] = 0
  look("/proc/net/tcp")
  look("/proc/net/tcp6")
  head(out, "connections", "gauge", "Open connections of clients.")
  for (port in CAME) printf "switchyard_connections{port=\\"%d\\"} %d\\n", port, CAME[port] > out
  head(out, "upstream_connections", "gauge", "Open connections to copies: active where new requests go, draining elsewhere.")
  for (labels in TO) {
    state = WHEN[labels]
    if (state == "with") state = FLAGS[FLAG[labels]] ? "always" : "never"
    if (state == "without") state = FLAGS[FLAG[labels]] ? "never" : "always"
    printf "switchyard_upstream_connections{%s,state=\\"%s\\"} %d\\n", labels, (state == "always" ? "active" : "draining"), TO[labels] > out
  }
}

function look(table,   line, f, own, other, at) {
  while ((getline line < table) > 0) {
    # ESTABLISHED
    if (split(line, f, " ") < 4 || f[4] != "01") continue
    own = substr(f[2], index(f[2], ":") + 1)
    if (own == "0050" || own == "01BB") { CAME[own == "0050" ? 80 : 443]++; continue }
    other = f[3]
    if (!(other in READ)) {
      if (++READS > 50000) { split("", READ); READS = 0 }
      at = substr(other, index(other, ":") - 8, 8)
      READ[other] = hex(substr(at, 7, 2)) "." hex(substr(at, 5, 2)) "." hex(substr(at, 3, 2)) "." hex(substr(at, 1, 2)) ":" hex(substr(other, index(other, ":") + 1))
    }
    if (READ[other] in AT) TO[AT[READ[other]]]++
  }
  close(table)
}

function hex(text,   i, n) {
  for (i = 1; i <= length(text); i++) n = n * 16 + index("0123456789ABCDEF", toupper(substr(text, i, 1))) - 1
  return n + 0
}

function keep(   i, key, part) {
  for (key in SUM) {
    split(key, part, SUBSEP)
    printf "%s\\t%s\\t%.3f\\n", part[1], part[2], SUM[key] > (SHM "/kept")
  }
  printf "\\tbegun\\t%d\\n\\tskipped\\t%d\\n", BEGUN, SKIPPED > (SHM "/kept")
  close(SHM "/kept")
}

# Goes on where the last one has ended, for the copies that are still there; without its counts everything begins anew.
function restore(   line, f, labels, isKept) {
  ASK = "timeout 2 xargs -n 1 -P 8 getent hosts < /dev/shm/names 2>/dev/null"
  while ((getline line < (SHM "/kept")) > 0) {
    isKept = 1
    split(line, f, "\\t")
    if (f[2] == "begun") { BEGUN = f[3]; continue }
    if (f[2] == "skipped") { SKIPPED = f[3]; continue }
    if (isThere(f[1])) add(f[1], f[2], f[3])
  }
  close(SHM "/kept")
  system(isKept ? "rm -f /dev/shm/kept" : "rm -f /dev/shm/metrics.middle /dev/shm/metrics.before")
}

function isThere(labels,   key) {
  if (labels == "" || labels in OWNER) return 1
  sub(/,copy="unknown"$/, "", labels)
  for (key in ENVIRONMENT) if (ENVIRONMENT[key] == labels) return 1
  return 0
}
`;
