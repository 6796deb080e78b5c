import { expect, test } from '@jest/globals';
import { indented, localFile, resolveText } from './files.ts';

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

test.each(Object.entries(SERVICES))('%s loads by its own words', (_name, block) => {
  const service = `${block}\nstrategy: recreate`;
  expect(resolveText(localFile(`service:\n${indented(service, 2)}`)).services).toHaveLength(1);
});

test('there are some forty', () => {
  expect(Object.keys(SERVICES).length).toBeGreaterThanOrEqual(40);
});
