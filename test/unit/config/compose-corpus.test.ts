import { expect, test } from '@jest/globals';
import { ANY_FILES, indented, localFile, messagesOf, resolveText } from './files.ts';

/**
 * Services as people write them for well-known images, without `container_name`, `networks`, `depends_on`, `links` and
 * `ports`. They load by their own words; what is added is what Compose has no word for: `port` and `extra_ports`, and
 * `strategy` or `overlap` for what two must not do at once.
 */
const SERVICES: Record<string, string> = {
  postgres: `
image: postgres:16-alpine
restart: always
shm_size: 128mb
environment: { POSTGRES_USER: app, POSTGRES_DB: app, PGDATA: /var/lib/postgresql/data/pgdata }
volumes: ["pgdata:/var/lib/postgresql/data"]
healthcheck: { test: ["CMD-SHELL", "pg_isready -U app"], interval: 10s, timeout: 5s, retries: 5 }`,
  mysql: `
image: mysql:8.4
command: --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci
restart: unless-stopped
cap_add: [SYS_NICE]
environment: ["MYSQL_DATABASE=app", "MYSQL_USER=app"]
security_opt: ["seccomp:unconfined"]
volumes: ["mysql:/var/lib/mysql"]`,
  mariadb: `
image: mariadb:11
command: ["--max-allowed-packet=64MB"]
environment: { MARIADB_AUTO_UPGRADE: "1", MARIADB_RANDOM_ROOT_PASSWORD: "yes" }
volumes: ["db:/var/lib/mysql:Z"]
stop_grace_period: 1m`,
  mongo: `
image: mongo:7
command: mongod --wiredTigerCacheSizeGB 1.5
restart: always
ulimits: { nofile: { soft: 64000, hard: 64000 } }
volumes: ["mongo:/data/db", "mongo-config:/data/configdb"]`,
  redis: `
image: redis:7.4-alpine
command: redis-server --save 60 1 --loglevel warning --port 6380
sysctls: { net.core.somaxconn: 1024 }
mem_limit: 512m
volumes: ["redis:/data"]
port: 6380`,
  valkey: `
image: valkey/valkey:8
read_only: true
cap_drop: [ALL]
cap_add: [SETGID, SETUID, DAC_OVERRIDE]
tmpfs: ["/tmp"]
volumes: ["valkey:/data:rw"]`,
  rabbitmq: `
image: rabbitmq:4-management
hostname: rabbit
environment: { RABBITMQ_DEFAULT_USER: app, RABBITMQ_DEFAULT_VHOST: / }
ulimits: { nofile: 65536 }
volumes: ["rabbit:/var/lib/rabbitmq"]
extra_ports: { console: { port: 15672, domain: queue.example.com }, metrics: 15692 }`,
  kafka: `
image: apache/kafka:3.9.0
hostname: broker
environment:
  KAFKA_NODE_ID: 1
  KAFKA_PROCESS_ROLES: broker,controller
  KAFKA_CONTROLLER_QUORUM_VOTERS: 1@broker:29093
  KAFKA_AUTO_CREATE_TOPICS_ENABLE: True
user: root
volumes: ["kafka:/var/lib/kafka/data"]`,
  elasticsearch: `
image: docker.elastic.co/elasticsearch/elasticsearch:8.15.0
environment: ["discovery.type=single-node", "ES_JAVA_OPTS=-Xms512m -Xmx512m", "bootstrap.memory_lock=true"]
mem_limit: 1g
memswap_limit: 1g
ulimits: { memlock: { soft: -1, hard: -1 }, nofile: 65536 }
volumes: ["es:/usr/share/elasticsearch/data"]
port: 9200`,
  opensearch: `
image: opensearchproject/opensearch:2
environment: ["cluster.name=logs", "node.name=node-1", "DISABLE_SECURITY_PLUGIN=true"]
ulimits:
  memlock: { soft: -1, hard: -1 }
  nofile: { soft: 65536, hard: 65536 }
expose: ["9200", "9600"]
volumes: ["os:/usr/share/opensearch/data"]
port: 9200`,
  kibana: `
image: docker.elastic.co/kibana/kibana:8.15.0
environment: { ELASTICSEARCH_HOSTS: "http://elasticsearch:9200", TELEMETRY_ENABLED: false }
deploy: { resources: { limits: { cpus: "1.0", memory: 1G }, reservations: { cpus: "0.25", memory: 512M } } }
port: 5601`,
  clickhouse: `
image: clickhouse/clickhouse-server:24.8
ulimits: { nofile: { soft: 262144, hard: 262144 } }
cap_add: [SYS_NICE, NET_ADMIN, IPC_LOCK]
volumes: ["ch-data:/var/lib/clickhouse", "ch-logs:/var/log/clickhouse-server"]
port: 8123`,
  influxdb: `
image: influxdb:2.7
environment: { DOCKER_INFLUXDB_INIT_MODE: setup, DOCKER_INFLUXDB_INIT_RETENTION: 1w }
volumes:
  - { type: volume, source: influx, target: /var/lib/influxdb2, volume: { nocopy: true } }
port: 8086`,
  telegraf: `
image: telegraf:1.32
user: telegraf:998
group_add: [docker]
pid: host
environment: ["HOST_PROC=/hostfs/proc", "HOST_MOUNT_PREFIX=/hostfs"]
volumes: ["/:/hostfs:ro", "/var/run/docker.sock:/var/run/docker.sock:ro"]
port: 8125`,
  prometheus: `
image: prom/prometheus:v2.54.1
command:
  - --config.file=/etc/prometheus/prometheus.yml
  - --storage.tsdb.retention.time=15d
extra_hosts: ["host.docker.internal:host-gateway"]
volumes: ["prom:/prometheus", "/etc/prometheus:/etc/prometheus:ro"]
expose: [9090]
port: 9090`,
  grafana: `
image: grafana/grafana-oss:11.2.0
user: "472"
environment: ["GF_AUTH_ANONYMOUS_ENABLED=true", "GF_USERS_ALLOW_SIGN_UP=false"]
labels: { org.label-schema.group: monitoring }
volumes: ["grafana:/var/lib/grafana"]
port: 3000`,
  loki: `
image: grafana/loki:3.1.0
command: -config.file=/etc/loki/local-config.yaml
logging: { driver: json-file, options: { max-size: "10m", max-file: 3 } }
volumes: ["loki:/loki"]
port: 3100`,
  'node-exporter': `
image: quay.io/prometheus/node-exporter:v1.8.2
pid: host
cap_add: [SYS_TIME]
command: ["--path.rootfs=/host"]
volumes: ["/:/host:ro,rslave"]
port: 9100`,
  cadvisor: `
image: gcr.io/cadvisor/cadvisor:v0.49.1
privileged: true
devices: [/dev/kmsg]
volumes: ["/:/rootfs:ro", "/var/run:/var/run:ro", "/sys:/sys:ro", "/dev/disk/:/dev/disk:ro"]
port: 8080`,
  vault: `
image: hashicorp/vault:1.17
cap_add: ["IPC_LOCK"]
command: server
environment: { VAULT_ADDR: "http://127.0.0.1:8200" }
volumes: ["vault:/vault/file"]
port: 8200`,
  consul: `
image: hashicorp/consul:1.19
hostname: consul-1
command: agent -server -bootstrap-expect=1 -ui -client=0.0.0.0
volumes: ["consul:/consul/data"]
port: 8500`,
  minio: `
image: minio/minio:latest
command: server /data --console-address ":9001"
environment: { MINIO_ROOT_USER: minio }
healthcheck: { test: ["CMD", "mc", "ready", "local"], interval: 5s, timeout: 5s, retries: 5 }
volumes: ["minio:/data"]
port: 9000`,
  nextcloud: `
image: nextcloud:30-apache
restart: always
environment: { PHP_UPLOAD_LIMIT: 10G, OVERWRITEPROTOCOL: https, NEXTCLOUD_TRUSTED_DOMAINS: cloud.example.com }
volumes: ["nextcloud:/var/www/html:z"]
port: 80`,
  wordpress: `
image: wordpress:6-php8.3
environment:
  WORDPRESS_DB_HOST: db:3306
  WORDPRESS_DEBUG: False
volumes: ["wp:/var/www/html"]
port: 80`,
  gitlab: `
image: gitlab/gitlab-ce:17.3.1-ce.0
hostname: gitlab.example.com
shm_size: 256m
environment:
  GITLAB_OMNIBUS_CONFIG: |
    external_url 'https://gitlab.example.com'
volumes: ["gitlab-config:/etc/gitlab", "gitlab-logs:/var/log/gitlab", "gitlab-data:/var/opt/gitlab"]
port: 80`,
  gitea: `
image: gitea/gitea:1.22
environment: ["USER_UID=1000", "USER_GID=1000", "GITEA__server__ROOT_URL=https://git.example.com/"]
volumes: ["gitea:/data", "/etc/timezone:/etc/timezone:ro", "/etc/localtime:/etc/localtime:ro"]
port: 3000`,
  registry: `
image: registry:2
environment: { REGISTRY_STORAGE_DELETE_ENABLED: "true" }
volumes: [{ type: bind, source: /srv/registry, target: /var/lib/registry, bind: { create_host_path: true } }]
port: 5000`,
  jenkins: `
image: jenkins/jenkins:lts
privileged: true
user: root
volumes: ["jenkins:/var/jenkins_home", "/var/run/docker.sock:/var/run/docker.sock"]
port: 8080`,
  sonarqube: `
image: sonarqube:community
hostname: sonarqube
read_only: true
tmpfs: "/tmp:mode=1777,size=512m"
ulimits: { nproc: 8192, nofile: { soft: 131072, hard: 131072 } }
volumes: ["sonar:/opt/sonarqube/data", { type: tmpfs, target: /opt/sonarqube/temp, tmpfs: { size: 1G } }]
port: 9000`,
  keycloak: `
image: quay.io/keycloak/keycloak:25.0
command: [start, --optimized]
environment: { KC_HEALTH_ENABLED: true, KC_PROXY_HEADERS: xforwarded, KC_HOSTNAME_STRICT: False }
port: 8080`,
  wireguard: `
image: lscr.io/linuxserver/wireguard:latest
init: false
cap_add: [NET_ADMIN, SYS_MODULE]
environment: ["PUID=1000", "PGID=1000", "TZ=Etc/UTC"]
sysctls: ["net.ipv4.conf.all.src_valid_mark=1"]
volumes: ["wg:/config", "/lib/modules:/lib/modules:ro"]
port: 51821`,
  jellyfin: `
image: jellyfin/jellyfin
user: 1000:1000
group_add: ["109"]
devices: ["/dev/dri/renderD128:/dev/dri/renderD128"]
volumes: ["jf-config:/config", { type: bind, source: /srv/media, target: /media, read_only: true }]
port: 8096`,
  ollama: `
image: ollama/ollama:latest
tty: true
pull_policy: always
runtime: nvidia
deploy:
  resources: { reservations: { devices: [{ driver: nvidia, count: all, capabilities: [gpu] }] } }
volumes: ["ollama:/root/.ollama"]
port: 11434`,
  'open-webui': `
image: ghcr.io/open-webui/open-webui:main
environment: ["OLLAMA_BASE_URL=http://ollama:11434", "WEBUI_AUTH=False"]
extra_hosts: { host.docker.internal: host-gateway }
volumes: ["webui:/app/backend/data"]
port: 8080`,
  triton: `
image: nvcr.io/nvidia/tritonserver:24.08-py3
gpus: all
ipc: host
shm_size: 1.5G
ulimits: { memlock: -1, stack: 67108864 }
command: tritonserver --model-repository=/models
volumes: ["/srv/models:/models:ro"]
port: 8000`,
  'home-assistant': `
image: ghcr.io/home-assistant/home-assistant:stable
stop_grace_period: 1m30s
devices: ["/dev/ttyUSB0"]
volumes: ["/opt/homeassistant:/config", "/run/dbus:/run/dbus:ro"]
port: 8123`,
  mosquitto: `
image: eclipse-mosquitto:2
stdin_open: true
tty: true
restart: unless-stopped
volumes: ["mosquitto:/mosquitto/data", /mosquitto/log]
port: 1883`,
  nats: `
image: nats:2.10-alpine
command: "-js -m 8222"
stop_signal: SIGINT
attach: false
volumes: ["nats:/data"]
port: 4222`,
  temporal: `
image: temporalio/auto-setup:1.25
environment: ["DB=postgres12", "DB_PORT=5432", "DYNAMIC_CONFIG_FILE_PATH=config/dynamicconfig/development-sql.yaml"]
labels: ["kompose.volume.type=configMap"]
platform: linux/amd64
port: 7233`,
  'node app': `
image: ghcr.io/acme/web:1.4.2
init: true
working_dir: /app
environment: { NODE_ENV: production, NODE_OPTIONS: --max-old-space-size=512 }
mem_limit: 768m
mem_reservation: 256m
cpus: "0.75"
pids_limit: 256
security_opt: ["no-new-privileges:true"]
volumes: [/app/node_modules]
x-owner: web
port: 3000`,
  'django app': `
image: registry.example.com/acme/django:2024.9
entrypoint: ""
command: gunicorn app.wsgi -b 0.0.0.0:8000 --workers 4
environment: ["DJANGO_DEBUG=False", "DJANGO_DEBUG=0", "ALLOWED_HOSTS=*"]
dns: [1.1.1.1, 8.8.8.8]
dns_search: example.com
deploy: { replicas: 1, restart_policy: { condition: on-failure, delay: 5s, max_attempts: 3, window: 120s } }
port: 8000`,
  'go app': `
image: ghcr.io/acme/api
user: 65532
read_only: true
cap_drop: [all]
scale: 1
oom_score_adj: -200
cpu_shares: 512
cpuset: "0,1"
domainname: example.com
uts: host
userns_mode: host
develop: { watch: [{ action: rebuild, path: ./src }] }
port: 8080`,
  'celery worker': `
image: registry.example.com/acme/django:2024.9
command: celery -A app worker --loglevel=info --concurrency 2
environment: { CELERY_BROKER_URL: "redis://redis:6379/0" }
healthcheck: { test: celery -A app inspect ping, interval: 30s, timeout: 10s }
stop_grace_period: 2m
restart: always`,
  'celery beat': `
image: registry.example.com/acme/django:2024.9
command: celery -A app beat --schedule /tmp/celerybeat-schedule
tmpfs: /tmp
overlap: false`,
  sidekiq: `
image: ghcr.io/acme/rails:7
command: bundle exec sidekiq -C config/sidekiq.yml
volumes: ["uploads:/app/public/uploads"]
stop_signal: SIGTERM`,
};

/** The same with files of the repository beside them: binds, configs and env files. */
const WITH_FILES: Record<string, string> = {
  'prometheus with its files': `
image: prom/prometheus:v3.0.0
user: root
command: ["--config.file=/etc/prometheus/prometheus.yml", "--web.enable-lifecycle"]
volumes:
  - ./prometheus.yml:/etc/prometheus/prometheus.yml:ro
  - ./rules:/etc/prometheus/rules:ro
  - prometheus_data:/prometheus
restart: unless-stopped
port: 9090`,
  'loki with its file': `
image: grafana/loki:3.3.0
command: -config.file=/etc/loki/loki.yml
volumes: ["./loki.yml:/etc/loki/loki.yml:ro", "loki:/loki"]
port: 3100`,
  promtail: `
image: grafana/promtail:3.3.0
command: -config.file=/etc/promtail/config.yml
volumes:
  - ./promtail-config.yml:/etc/promtail/config.yml:ro,z
  - /var/log:/var/log:ro
  - /var/lib/docker/containers:/var/lib/docker/containers:ro
  - /var/run/docker.sock:/var/run/docker.sock:ro
port: 9080`,
  alertmanager: `
image: prom/alertmanager:v0.27.0
command: --config.file=/etc/alertmanager/alertmanager.yml
configs: [{ source: alertmanager, target: /etc/alertmanager/alertmanager.yml }]
port: 9093`,
  'blackbox exporter': `
image: prom/blackbox-exporter:v0.25.0
configs: [blackbox]
command: --config.file=/blackbox
port: 9115`,
  'grafana with provisioning': `
image: grafana/grafana:11.4.0
env_file: ./grafana.env
volumes:
  - grafana-storage:/var/lib/grafana
  - ./grafana/provisioning:/etc/grafana/provisioning:ro
  - ./grafana/dashboards:/var/lib/grafana/dashboards:ro
port: 3000`,
  'telegraf with its file': `
image: telegraf:1.33
user: "telegraf:999"
environment: [HOST_PROC=/host/proc, HOST_SYS=/host/sys, HOST_ETC=/host/etc]
volumes:
  - ./telegraf.conf:/etc/telegraf/telegraf.conf:ro
  - /proc:/host/proc:ro
  - /sys:/host/sys:ro
  - /etc:/host/etc:ro
  - /var/run/docker.sock:/var/run/docker.sock:ro
port: 8125`,
  tempo: `
image: grafana/tempo:2.6.1
command: ["-config.file=/etc/tempo.yaml"]
volumes: ["./tempo.yaml:/etc/tempo.yaml:ro", "tempo:/var/tempo"]
port: 3200`,
  'otel collector': `
image: otel/opentelemetry-collector-contrib:0.115.0
command: ["--config=/etc/otelcol/config.yaml"]
configs: [{ source: otel, target: /etc/otelcol/config.yaml, mode: 0444 }]
port: 4318`,
  vector: `
image: timberio/vector:0.42.0-alpine
volumes: ["./vector.yaml:/etc/vector/vector.yaml:ro", "/var/run/docker.sock:/var/run/docker.sock:ro"]
environment: { VECTOR_LOG: info }
port: 8686`,
  nextcloud: `
image: nextcloud:30-apache
restart: always
volumes: ["nextcloud:/var/www/html:z"]
environment: ["MYSQL_HOST=db", "REDIS_HOST=redis"]
env_file: [db.env]
port: 80`,
  gitea: `
image: gitea/gitea:1.22
restart: always
environment: [USER_UID=1000, USER_GID=1000, "GITEA__database__DB_TYPE=postgres"]
volumes: ["./app.ini:/etc/gitea/app.ini:ro", "gitea:/data", "/etc/timezone:/etc/timezone:ro", "/etc/localtime:/etc/localtime:ro"]
port: 3000`,
  vaultwarden: `
image: vaultwarden/server:1.32.5
restart: unless-stopped
environment: { DOMAIN: "https://vault.example.com", SIGNUPS_ALLOWED: "false" }
volumes: ["vw-data:/data/"]
port: 80`,
  n8n: `
image: docker.n8n.io/n8nio/n8n
restart: always
environment:
  - N8N_HOST=\${SUBDOMAIN:-n8n}.example.com
  - N8N_PROTOCOL=https
  - NODE_ENV=production
  - GENERIC_TIMEZONE=\${GENERIC_TIMEZONE:-Europe/Berlin}
volumes: ["n8n_data:/home/node/.n8n", "./local-files:/files:ro"]
port: 5678`,
  metabase: `
image: metabase/metabase:v0.51.7
hostname: metabase
volumes: ["/dev/urandom:/dev/random:ro"]
environment: { MB_DB_TYPE: postgres, MB_DB_DBNAME: metabaseappdb, MB_DB_PORT: 5432 }
healthcheck: { test: curl --fail -I http://localhost:3000/api/health || exit 1, interval: 15s, timeout: 5s, retries: 5 }
port: 3000`,
  plausible: `
image: ghcr.io/plausible/community-edition:v2.1.4
restart: always
command: sh -c "/entrypoint.sh db createdb && /entrypoint.sh db migrate && /entrypoint.sh run"
volumes: ["plausible-data:/var/lib/plausible"]
ulimits: { nofile: { soft: 65535, hard: 65535 } }
environment: ["TMPDIR=/var/lib/plausible/tmp", "BASE_URL=https://stats.example.com", "HTTP_PORT"]
port: 8000`,
  'plausible events db': `
image: clickhouse/clickhouse-server:24.3.3.102-alpine
volumes:
  - event-data:/var/lib/clickhouse
  - event-logs:/var/log/clickhouse-server
  - ./clickhouse/logs.xml:/etc/clickhouse-server/config.d/logs.xml:ro
  - ./clickhouse/ipv4-only.xml:/etc/clickhouse-server/config.d/ipv4-only.xml:ro
ulimits: { nofile: { soft: 262144, hard: 262144 } }
port: 8123`,
  umami: `
image: ghcr.io/umami-software/umami:postgresql-latest
environment: { DATABASE_TYPE: postgresql, APP_SECRET: replace-me }
init: true
restart: always
healthcheck: { test: ["CMD-SHELL", "curl http://localhost:3000/api/heartbeat"], interval: 5s, timeout: 5s, retries: 5 }
port: 3000`,
  ghost: `
image: ghost:5-alpine
restart: always
environment: { url: "https://blog.example.com", database__client: sqlite3 }
volumes: ["ghost:/var/lib/ghost/content"]
port: 2368`,
  wordpress: `
image: wordpress:6-php8.3-apache
restart: always
environment: { WORDPRESS_DB_HOST: "db:3306", WORDPRESS_DB_NAME: wordpress }
volumes: ["wordpress:/var/www/html", "./uploads.ini:/usr/local/etc/php/conf.d/uploads.ini:ro"]
port: 80`,
  'mastodon web': `
image: ghcr.io/mastodon/mastodon:v4.3.2
restart: always
env_file: .env.production
command: bundle exec puma -C config/puma.rb
healthcheck: { test: ["CMD-SHELL", "curl -s --noproxy localhost localhost:3000/health | grep -q 'OK' || exit 1"] }
volumes: ["mastodon:/mastodon/public/system"]
port: 3000`,
  'matrix synapse': `
image: matrixdotorg/synapse:v1.121.1
restart: unless-stopped
environment: [SYNAPSE_CONFIG_PATH=/data/homeserver.yaml]
volumes: ["synapse:/data", "./homeserver.yaml:/config/homeserver.yaml:ro"]
port: 8008`,
  mattermost: `
image: mattermost/mattermost-team-edition:10.3
security_opt: ["no-new-privileges:true"]
pids_limit: 200
read_only: false
tmpfs: [/tmp]
volumes: ["mm-config:/mattermost/config:rw", "mm-data:/mattermost/data:rw"]
environment: [TZ, MM_SQLSETTINGS_DRIVERNAME=postgres]
port: 8065`,
  minio: `
image: quay.io/minio/minio:RELEASE.2024-12-18T13-15-44Z
command: server --console-address ":9001" /data
hostname: minio1
expose: ["9000", "9001"]
healthcheck: { test: ["CMD", "mc", "ready", "local"], interval: 5s, timeout: 5s, retries: 5 }
volumes: ["minio:/data"]
port: 9000`,
  keycloak: `
image: quay.io/keycloak/keycloak:26.0
command: start --import-realm
environment: { KC_DB: postgres, KC_HOSTNAME: id.example.com, KC_HTTP_ENABLED: "true", KC_PROXY_HEADERS: xforwarded }
volumes: ["./realm-export.json:/opt/keycloak/data/import/realm.json:ro"]
port: 8080`,
  'authentik server': `
image: ghcr.io/goauthentik/server:2024.10.5
restart: unless-stopped
command: server
environment: { AUTHENTIK_REDIS__HOST: redis, AUTHENTIK_POSTGRESQL__HOST: postgresql }
volumes: ["media:/media", "./custom-templates:/templates:ro"]
env_file: [.env]
port: 9000`,
  'immich server': `
image: ghcr.io/immich-app/immich-server:\${IMMICH_VERSION:-release}
volumes: ["\${UPLOAD_LOCATION:-/srv/photos}:/usr/src/app/upload", "/etc/localtime:/etc/localtime:ro"]
env_file: [{ path: .env, required: false }]
restart: always
healthcheck: { disable: false }
port: 2283`,
  'paperless ngx': `
image: ghcr.io/paperless-ngx/paperless-ngx:latest
restart: unless-stopped
volumes: ["data:/usr/src/paperless/data", "media:/usr/src/paperless/media", "export:/usr/src/paperless/export"]
env_file: docker-compose.env
environment: { PAPERLESS_REDIS: "redis://broker:6379", PAPERLESS_TIKA_ENABLED: 1 }
port: 8000`,
  gotenberg: `
image: docker.io/gotenberg/gotenberg:8.14
restart: unless-stopped
command: ["gotenberg", "--chromium-disable-javascript=true", "--chromium-allow-list=file:///tmp/.*"]
port: 3000`,
  'sentry relay': `
image: getsentry/relay:24.12.0
ulimits: { nofile: { soft: 4096, hard: 4096 } }
volumes: [{ type: bind, read_only: true, source: ./relay, target: /etc/relay }, { type: volume, source: geoip, target: /geoip, read_only: true }]
stop_grace_period: 5s
port: 3000`,
  'sentry snuba': `
image: getsentry/snuba:24.12.0
command: api
environment:
  <<: &snuba { SNUBA_SETTINGS: self_hosted, CLICKHOUSE_PORT: 9000 }
  UWSGI_MAX_REQUESTS: "10000"
port: 1218`,
  'airflow webserver': `
image: apache/airflow:2.10.4
command: webserver
user: "\${AIRFLOW_UID:-50000}:0"
environment: &airflow
  AIRFLOW__CORE__EXECUTOR: CeleryExecutor
  AIRFLOW__CORE__LOAD_EXAMPLES: 'false'
  _PIP_ADDITIONAL_REQUIREMENTS: \${_PIP_ADDITIONAL_REQUIREMENTS:-}
volumes: ["./dags:/opt/airflow/dags:ro", "logs:/opt/airflow/logs", "./plugins:/opt/airflow/plugins:ro"]
healthcheck: { test: ["CMD", "curl", "--fail", "http://localhost:8080/health"], interval: 30s, timeout: 10s, retries: 5, start_period: 30s }
port: 8080`,
  flower: `
image: mher/flower:2.0
command: celery flower --broker=redis://redis:6379/0 --port=5555
env_file: [{ path: ./celery.env, format: raw }]
port: 5555`,
  'nginx with files': `
image: nginx:1.27-alpine
volumes:
  - ./nginx.conf:/etc/nginx/nginx.conf:ro
  - ./conf.d/:/etc/nginx/conf.d/:ro
  - ./html:/usr/share/nginx/html:ro
port: 80`,
  caddy: `
image: caddy:2.8-alpine
cap_add: [NET_ADMIN]
volumes: ["./Caddyfile:/etc/caddy/Caddyfile:ro", "./site:/srv:ro", "caddy_data:/data", "caddy_config:/config"]
port: 80`,
  'postgres with init scripts': `
image: postgres:17
volumes: ["./init:/docker-entrypoint-initdb.d:ro", "pg:/var/lib/postgresql/data"]
env_file: .env.db
command: postgres -c config_file=/etc/postgresql.conf
configs: [{ source: postgres, target: /etc/postgresql.conf, uid: "999", gid: "999", mode: 0440 }]`,
  'redis with its file': `
image: redis:7-alpine
command: ["redis-server", "/usr/local/etc/redis/redis.conf"]
volumes: ["./redis.conf:/usr/local/etc/redis/redis.conf:ro", "redis:/data"]`,
  mosquitto: `
image: eclipse-mosquitto:2
volumes: ["./mosquitto/config:/mosquitto/config:ro", "mosquitto:/mosquitto/data"]
port: 1883`,
  homepage: `
image: ghcr.io/gethomepage/homepage:latest
environment: { PUID: 1000, PGID: 1000, HOMEPAGE_ALLOWED_HOSTS: home.example.com }
volumes: ["./config:/app/config:ro", "/var/run/docker.sock:/var/run/docker.sock:ro"]
port: 3000`,
  'next app': `
image: ghcr.io/acme/next
working_dir: /app
env_file: [.env, ./.env.local]
environment: ["NODE_ENV=development", "NODE_ENV=production"]
volumes: ["/app/node_modules", "/app/.next/cache"]
healthcheck: { test: "wget -qO- http://localhost:3000/api/health", interval: 1m30s, timeout: 10s, retries: 3, start_period: 40s }
port: 3000`,
  'behind a vpn': `
image: lscr.io/linuxserver/qbittorrent
environment: [PUID=1000, PGID=1000, TZ=Etc/UTC, WEBUI_PORT=8080]
init: false
volumes: ["qb:/config", "/srv/downloads:/downloads"]
port: 8080`,
};

/** What the blocks name under `configs`. */
const CONFIGS = ['alertmanager', 'blackbox', 'otel', 'postgres']
  .map((name) => `  ${name}: { file: ./${name}.yml }\n`)
  .join('');

const ALL = [...Object.entries(SERVICES), ...Object.entries(WITH_FILES)];

test.each(ALL)('%s loads by its own words', (_name, block) => {
  const service = `${block}\nstrategy: recreate`;
  const file = `${localFile(`service:\n${indented(service, 2)}`)}configs:\n${CONFIGS}`;
  expect(resolveText(file, 'local', {}, { repository: ANY_FILES }).services).toHaveLength(1);
});

test('there are some forty of each', () => {
  for (const all of [SERVICES, WITH_FILES]) expect(Object.keys(all).length).toBeGreaterThanOrEqual(40);
});

test.each([
  ['volumes: ["./data:/data"]', './data is of the repository, and a container cannot write there'],
  ['network_mode: "service:gluetun"', 'write depends_on: [gluetun], and use SWITCHYARD_GLUETUN_HOST'],
  ['configs: [{ source: x }]', 'there is no config "x"'],
])('%s is refused with the word to write', (keys, words) => {
  const file = localFile(`service:\n  image: acme/api\n  port: 3000\n${indented(keys, 2)}`);
  expect(messagesOf(() => resolveText(file, 'local', {}, { repository: ANY_FILES }))).toEqual([
    expect.stringContaining(words),
  ]);
});
