/** What a command needs of this room; it is loaded by the one action that builds. */
export { dockerConfigFolder } from './docker-config.ts';
export { ejectDockerfiles } from './eject.ts';
export { buildImages } from './images.ts';
