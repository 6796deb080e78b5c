import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Server } from '../fleet/server.ts';
import { UserError } from '../model/errors.ts';
import { privateKeyIn } from './certificate-keys.ts';
import type { KeyPair } from './certificates.ts';
import type { CertificateFiles } from './served-names.ts';

/** Where the certificates that come along were before: what stands beside them in the edge. */
export const ADOPTED = 'adopted';

/** A certificate that a front shows, as it lies in its files. Its key is not among it. */
export interface FrontCertificate extends CertificateFiles {
  /** The certificate and those that sign it, in PEM; empty where they cannot be read. */
  chain: string;
  /** What keeps its key from coming along. */
  keyFault?: 'unreadable' | 'encrypted';
}

/** A front whose files are read, as its own nginx reads them: with its rights, through its links and mounts. */
interface Front {
  server: Server;
  /** Its container. */
  id: string;
}

/**
 * readFrontCertificate returns a certificate of a front, and whether its key could come along. The key stays where it is:
 * also of a file that holds both, only certificates are read.
 */
export async function readFrontCertificate(front: Front, files: CertificateFiles): Promise<FrontCertificate> {
  const [chain, keyFault] = await Promise.all([readChain(front, files), keyFaultOf(front, files)]);
  return { ...files, chain, ...(keyFault && { keyFault }) };
}

/**
 * readFrontPair returns a certificate of a front with its key, which is in the memory of the run from then on. It throws a
 * UserError where the two cannot be used together.
 */
export async function readFrontPair(front: Front, files: CertificateFiles): Promise<KeyPair> {
  const [chain, text] = await Promise.all([readChain(front, files), output(front, ['cat', files.key])]);
  const privateKey = privateKeyIn(text);
  if (privateKey !== undefined && belongsTo(privateKey, chain)) return { chain, privateKey };
  throw new UserError(`${front.server.name}: ${files.key} does not hold the key of ${files.certificate}`, {
    hint: 'Somebody may be renewing it just now: run again. "nginx -t" in the front has to succeed.',
  });
}

function belongsTo(privateKey: string, chain: string): boolean {
  try {
    return new X509Certificate(chain).checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

async function readChain(front: Front, { certificate }: CertificateFiles): Promise<string> {
  const blocks = '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p';
  return await output(front, ['sed', '-n', blocks, certificate]);
}

/** How often a key says that it is encrypted; nothing is said of one that cannot be read. */
async function keyFaultOf(front: Front, { key }: CertificateFiles): Promise<FrontCertificate['keyFault']> {
  const count = await output(front, ['grep', '-c', 'ENCRYPTED', key]);
  if (!/^\d+\s*$/.test(count)) return 'unreadable';
  return Number(count) > 0 ? 'encrypted' : undefined;
}

/** What a program says that reads a file of the front; nothing where there is no such file, or no such program. */
async function output({ server, id }: Front, command: readonly string[]): Promise<string> {
  // A path with a variable, and what is no path, is nobody's file.
  if (!command.at(-1)?.startsWith('/')) return '';
  const { exitCode, stdout } = await server.engine.exec(id, command);
  return exitCode < PROGRAM_FAILED ? stdout : '';
}

/** With this, and above, the engine says that there is no such program. */
const PROGRAM_FAILED = 126;
