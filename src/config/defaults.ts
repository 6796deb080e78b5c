/**
 * What holds where the file says nothing, written as one would write it in the file. The schema shows
 * these values and resolveEnvironment uses them.
 */
export const DEFAULTS = {
  sidecar: {
    image: 'nginx:1.30-alpine',
    // Longer than the idle gap of clients that keep their connections: a reload then breaks none of them.
    keepalive_min_timeout: '10s',
  },
  edge: { access_log: true },
  // 180 days.
  tls: { staging: false, policy: 'intermediate', redirect: true, hsts: 15_552_000, http3: false },
  server: { port: 22, zone: 'default' },
  servers: 1,
  bootstrap: { login: 'root', swap: '2g' },
  replicas: 1,
  retain_releases: 50,
  strategy: 'toggle',
  naming: 'side',
  pull_policy: 'missing',
  restart: 'unless-stopped',
  // nginx's own ten minutes cut idle pools of database connections.
  idle_timeout: '24h',
  request_buffering: 'auto',
  strip_prefix: false,
  // Method and body of a request stay: a POST is no GET afterwards.
  redirect: { status: 308, keep_path: true },
  gzip: {
    types: [
      'text/plain',
      'text/css',
      'text/xml',
      'text/javascript',
      'application/javascript',
      'application/json',
      'application/ld+json',
      'application/manifest+json',
      'application/rss+xml',
      'application/wasm',
      'application/xml',
      'image/svg+xml',
    ],
    level: 4,
    min_size: '1k',
  },
  // Higher ones take long, on workers that all projects of a server share.
  brotli: { level: 4 },
  zstd: { level: 3 },
  cors: {
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    headers: ['Authorization', 'Content-Type', 'X-Requested-With'],
    max_age: '10m',
  },
  maintenance: { retry_after: '10m', status: 503 },
  stop_grace_period: '10s',
  drain: { timeout: '120s' },
  // Compose waits half a minute between two checks; a deploy waits for this one.
  healthcheck: { interval: '1s', timeout: '5s', retries: 3, start_period: '10s' },
  hook: { timeout: '10m', idempotent: false },
  monitor: {
    max_failure_ratio: 0.05,
    latency: '500ms',
    max_slow_ratio: 0.5,
    max_memory_ratio: 0.95,
    min_requests: 20,
    breaches: 3,
  },
  backup: {
    to: 'disk',
    password: 'backup-password',
    // From 0.17 on restic sees how the program has ended whose output it keeps.
    image: 'restic/restic:0.18.1',
    retention: { daily: 7, weekly: 4, monthly: 12 },
    verify: 'always',
    // One that comes once a day, and late.
    max_age: '36h',
  },
  // Names of secrets.
  backup_target: {
    secrets: {
      access_key: 'backup-access-key',
      secret_key: 'backup-secret-key',
      key: 'backup-ssh-key',
      password: 'backup-rest-password',
    },
  },
  on_partial_failure: 'revert',
  // Without a limit the log of one container fills the disk of the server.
  logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
} as const;
