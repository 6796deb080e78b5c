import { type Block, blocks } from './documents.ts';

/** The blocks that are meant for a server, by what a reader does there. test/e2e/docs.test.ts types each of them. */
const SERVER_BLOCKS = {
  'prepare it': /^apt-get update$/m,
  'look at what runs': /^docker exec switchyard_edge nginx -T/m,
  'look at a hook': /label=switchyard\.hook/,
  'take it out of the balancer': /out_of_service/,
  'remove the data of a service': /^docker volume rm shop_/m,
  'remove the edge': /^docker rm --force switchyard_edge$/m,
} as const;

/** isForServer tells whether a block of commands is meant for a server, not for the reader's own machine. */
export function isForServer({ text }: Pick<Block, 'text'>): boolean {
  return text.startsWith('# on the server\n') || text.startsWith('apt-get update\n');
}

/** serverBlock returns the one block that is meant for a server and does this there. It throws when there is none, or are two. */
export function serverBlock(name: keyof typeof SERVER_BLOCKS): Block {
  const [found, ...others] = serverBlocks().filter(({ text }) => SERVER_BLOCKS[name].test(text));
  if (found === undefined || others.length > 0) throw new Error(`not one block is there to "${name}"`);
  return found;
}

/** serverBlocks returns all blocks that are meant for a server. */
export function serverBlocks(): Block[] {
  return blocks('sh').filter(isForServer);
}

/** SERVER_BLOCK_NAMES are the names that {@link serverBlock} knows. */
export const SERVER_BLOCK_NAMES = Object.keys(SERVER_BLOCKS) as (keyof typeof SERVER_BLOCKS)[];
