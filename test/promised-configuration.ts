/** The configuration that the first release promised to deploy, word for word but for its host keys. */
export const PROMISED = `
project: shop
sidecar: { image: "nginx:1.30-alpine" }
environments:
  production:
    provider: static
    user: deploy
    servers:
      - { host: 172.30.0.11, private_ip: 172.31.0.11, port: 22, zone: lon1, host_key: "ssh-ed25519 AAAA…" }
      - { host: 172.30.0.12, private_ip: 172.31.0.12, port: 22, zone: lon1, host_key: "ssh-ed25519 AAAA…" }
    services:
      api: { environment: { LOG_LEVEL: warn } }
  local:
    provider: local
    services:
      api: { servers: 1 }
services:
  cache:
    image: redis:7
    port: 6379
    protocol: tcp
    healthcheck: { test: ["CMD", "redis-cli", "ping"], interval: 1s }
    volumes: ["cache-data:/data"]
    strategy: recreate
  api:
    image: ghcr.io/acme/api:1.2.3
    port: 3000
    domain: [api.example.com, www.example.com]
    depends_on: [cache]
    servers: 2
    environment: { LOG_LEVEL: info, API_TOKEN: }
    healthcheck: { path: /health, interval: 500ms, timeout: 2s, start_period: 30s }
    drain: { timeout: 60s }
    stop_grace_period: 20s
    deploy: { resources: { limits: { cpus: "0.5", memory: 256M } } }
`;
