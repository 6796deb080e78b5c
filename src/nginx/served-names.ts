import { posix } from 'node:path';
import type { Directive } from '../model/directives.ts';
import { parseConfiguration } from './configuration.ts';

/** A name that an nginx serves on one of its ports. */
export interface ServedName {
  port: number;
  /** As `server_name` has it; `_` for whoever asks for no name that is known. */
  name: string;
  isTls: boolean;
  /** Where the certificates are that are shown for it, and their keys. */
  certificates?: CertificateFiles[];
  /** Clients without a certificate of their own are turned away. */
  asksClients?: true;
}

/** A certificate and its key, by the paths of their files as an nginx is told them. */
export interface CertificateFiles {
  certificate: string;
  key: string;
}

/** The word for all names that are not known. */
const ANY_NAME = '_';
const UNNAMED = new Set(['', ANY_NAME]);
/** What nginx calls its own default page, in the packages as they come. */
const DEFAULT_PAGE = 'localhost';

/**
 * servedNames returns what an nginx serves, from its whole configuration as `nginx -T` prints it. What a server
 * answers with an error, and the default page of a fresh nginx, are not counted. Pure.
 */
export function servedNames(dump: string): ServedName[] {
  const { files, main } = filesOf(dump);
  const { directives } = parseConfiguration(files, main);
  const bodyOf = (section: string) => blocks(directives, section).flatMap(({ body }) => body);
  const servedBy = (section: string, namesOf: (server: Directive) => readonly string[]) =>
    blocks(bodyOf(section), 'server').flatMap((server) =>
      namesOfServer(server, namesOf(server), tlsOf([server.body, bodyOf(section)], posix.dirname(main))),
    );
  return [...servedBy('http', namedBy), ...servedBy('stream', () => [ANY_NAME])];
}

interface ToldTls extends Pick<ServedName, 'certificates' | 'asksClients'> {
  /** All that it listens to is TLS, as nginx before 1.25 could be told. */
  isOn: boolean;
}

/** What a server with TLS shows and asks for: by itself, or by what it inherits. Paths begin at the main file's folder. */
function tlsOf(levels: readonly (readonly Directive[])[], folder: string): ToldTls {
  const told = (name: string) =>
    levels.map((body) => blocks(body, name)).find((found) => found.length > 0) ?? [];
  const pathsOf = (name: string) => told(name).map(({ words: [, path = ''] }) => absolute(path, folder));
  const keys = pathsOf('ssl_certificate_key');
  const certificates = pathsOf('ssl_certificate').flatMap((certificate, index) => {
    const key = keys[index];
    return key === undefined ? [] : [{ certificate, key }];
  });
  const isSaid = (name: string) => told(name)[0]?.words[1] === 'on';
  return {
    isOn: isSaid('ssl'),
    ...(certificates.length > 0 && { certificates }),
    ...(isSaid('ssl_verify_client') && { asksClients: true }),
  };
}

/** What is no path, such as `data:…` and `engine:…`, stays what it is. */
function absolute(path: string, folder: string): string {
  return /^(?:data|engine|store):/.test(path) ? path : posix.resolve(folder, path);
}

/** `nginx -T` prints each file for itself, the main one first; a text without a file's name is the main one. */
function filesOf(dump: string): { files: Map<string, string>; main: string } {
  const [before = '', ...rest] = dump.split(/^# configuration file (.+):$/m);
  const files = new Map<string, string>();
  for (let at = 0; at < rest.length; at += 2) files.set(rest[at]!, rest[at + 1]!);
  const [main = '/nginx.conf'] = files.keys();
  if (files.size === 0) files.set(main, before);
  return { files, main };
}

function namesOfServer(
  { body }: Directive,
  names: readonly string[],
  { isOn, ...tls }: ToldTls,
): ServedName[] {
  const listens = blocks(body, 'listen').map(({ words }) => words.slice(1));
  const listening = listens.length > 0 ? listens : [['80']];
  return listening.flatMap(([address = '', ...options]) => {
    const port = portOf(address);
    if (port === undefined) return [];
    const isTls = isOn || options.includes('ssl') || options.includes('quic');
    return names.map((name) => ({ port, name, isTls, ...(isTls && tls) }));
  });
}

function namedBy({ body }: Directive): string[] {
  const names = blocks(body, 'server_name').flatMap(({ words }) => words.slice(1));
  const known = (names.length > 0 ? names : ['']).filter((name) => name !== DEFAULT_PAGE || passesOn(body));
  return known
    .map((name) => (UNNAMED.has(name) || name === DEFAULT_PAGE ? ANY_NAME : name.toLowerCase()))
    .filter((name) => name !== ANY_NAME || answers(body));
}

/** A server that only says no is no loss. */
function answers(body: readonly Directive[]): boolean {
  return body.some(
    ({ words: [name = '', code = ''], body: inner }) =>
      isPass(name) || name === 'root' || (name === 'return' && !/^4/.test(code)) || answers(inner),
  );
}

function passesOn(body: readonly Directive[]): boolean {
  return body.some(({ words: [name = ''], body: inner }) => isPass(name) || passesOn(inner));
}

function isPass(name: string): boolean {
  return /^(?:proxy|fastcgi|uwsgi|scgi|grpc)_pass$/.test(name);
}

/** `80`, `*:80`, `[::]:80`, `127.0.0.1:80`; an address alone is port 80, and a Unix socket has none. */
function portOf(address: string): number | undefined {
  if (address.startsWith('unix:')) return undefined;
  if (/^\d+$/.test(address)) return Number(address);
  const port = /:(\d+)$/.exec(address)?.[1];
  return port === undefined ? 80 : Number(port);
}

function blocks(body: readonly Directive[], name: string): Directive[] {
  return body.filter(({ words }) => words[0] === name);
}
