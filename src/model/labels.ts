/** The labels by which our containers are found again; they are all that is needed to rebuild the record. */
export const LABEL = {
  /** `service`, `sidecar`, `edge`, `edge-lock`, `edge-bridge`, `edge-divert`, `hook`, `helper` or `backup`; of a volume `sidecar`, `secrets`, `files` or `backup`. */
  role: 'switchyard.role',
  project: 'switchyard.project',
  environment: 'switchyard.environment',
  /** The repository whose run has made it: `github.com/acme/shop`. Whom it belongs to now, a manifest says. */
  repository: 'switchyard.repository',
  service: 'switchyard.service',
  /** Number of the release that created the container. */
  release: 'switchyard.release',
  /** The image as the file names it: for people who read `docker ps`. */
  version: 'switchyard.version',
  slot: 'switchyard.slot',
  /** On the container of a hook: `pre_deploy` or `post_deploy`. */
  hook: 'switchyard.hook',
  /** The host port of the slot `base`. */
  hostPort: 'switchyard.host-port',
  /** Where names and ports carry the version: the container's own host port, as the slot `base` would have it. */
  versionPort: 'switchyard.version-port',
  internalPort: 'switchyard.internal-port',
  /** Internal and host port of the slot `base` of each further port, by its name: `console=5321/8123`, with blanks between. */
  extraPorts: 'switchyard.extra-ports',
  /** On an image that is built: what it follows from. */
  content: 'switchyard.content',
  /** Hash of everything the container was made from. */
  containerHash: 'switchyard.container-hash',
  /** Counts how often the values of the service's secrets changed. */
  secretsVersion: 'switchyard.secrets-version',
  /** On a lock: who holds it and until when. */
  holder: 'switchyard.holder',
  fence: 'switchyard.fence',
  end: 'switchyard.end',
} as const;
