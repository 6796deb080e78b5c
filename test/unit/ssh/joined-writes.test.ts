import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, jest, test } from '@jest/globals';
import { joinWrites } from '../../../src/ssh/joined-writes.ts';

test('what is written in one turn goes out together, in its order, and what comes later too', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const [other] = await accepted;
  const alone = jest.spyOn(socket, '_write');
  const together = jest.spyOn(socket, '_writev' as '_write');

  joinWrites(socket);
  for (const piece of ['header ', 'body ', 'tag ']) socket.write(piece);
  await new Promise((resolve) => setImmediate(resolve));
  socket.write('and an end');
  socket.end();

  expect(await text(other)).toBe('header body tag and an end');
  expect(together).toHaveBeenCalledTimes(1);
  expect(alone).toHaveBeenCalledTimes(1);
  server.close();
});
