import { readFileSync } from 'node:fs';

/** Where Switchyard puts the file. */
const FILE = '/run/switchyard/services.json';
/** The form of the file that this reads. */
const SCHEMA = 1;

/** A service that this app depends on. */
class Service {
  constructor(name, { host, port, ports = {}, kind, user, database, passwordFile, urlFile }) {
    Object.assign(this, { name, host, port, ports, kind, user, database, passwordFile, urlFile });
    Object.freeze(this);
  }

  get url() {
    return textOf(this.urlFile);
  }

  get password() {
    return textOf(this.passwordFile);
  }

  toString() {
    return `${this.name} at ${this.host}:${this.port}`;
  }
}

/** Secrets are read when they are asked for, so that none is in a dump of the object. */
function textOf(file) {
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

/**
 * services returns all services that the app depends on, by their names. It throws an Error where the file is missing, or is
 * of another form.
 */
export function services(file = process.env.SWITCHYARD_SERVICES ?? FILE) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file} cannot be read: does the service depend on one that has a connection?`, {
      cause,
    });
  }
  const said = JSON.parse(text);
  if (said.schema !== SCHEMA) throw new Error(`${file} has schema ${said.schema}, and this reads ${SCHEMA}`);
  return Object.fromEntries(
    Object.entries(said.services).map(([name, one]) => [name, new Service(name, one)]),
  );
}

/** service returns one of them. It throws an Error where the app does not depend on it. */
export function service(name, file) {
  const all = services(file);
  if (Object.hasOwn(all, name)) return all[name];
  const known = Object.keys(all).join(', ') || 'none';
  throw new Error(`the app depends on no service "${name}"; it depends on ${known}`);
}
