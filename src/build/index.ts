/** What a command needs of this room; it is loaded by a run that builds. */
export { ejectDockerfiles } from './eject.ts';
export { buildImages } from './images.ts';
