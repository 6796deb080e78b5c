/**
 * A server that speaks S3 and keeps its objects as files below /objects. Whoever has the access key `S3RVER` is let in,
 * whatever the secret one is.
 */
import { readFileSync } from 'node:fs';
import S3rver from 's3rver';

const server = new S3rver({
  address: '0.0.0.0',
  port: 9000,
  silent: true,
  directory: '/objects',
  key: readFileSync('/etc/lab/key.pem'),
  cert: readFileSync('/etc/lab/cert.pem'),
  configureBuckets: [{ name: 'backups' }],
});
await server.run();
