import { describe, expect, test } from '@jest/globals';
import { complaintAboutGrpc } from '../../../src/deploy/steps/grpc-verdict.ts';
import type { GrpcAnswer } from '../../../src/fleet/grpc.ts';

const NOTHING = Buffer.alloc(0);
const SERVING = Buffer.from('00000000020801', 'hex');
const NOT_SERVING = Buffer.from('00000000020802', 'hex');

const complaint = (answer: Partial<GrpcAnswer>, service = '', mayLack = false) =>
  complaintAboutGrpc(
    { httpStatus: 200, status: 0, text: '', message: NOTHING, ...answer },
    { service, mayLack },
  );

describe('an answer to the question for health', () => {
  test('is good where it says SERVING', () => {
    expect(complaint({ message: SERVING })).toBeUndefined();
  });

  test('is none where it says something else', () => {
    expect(complaint({ message: NOT_SERVING }, 'shop.Catalog')?.why).toBe(
      'asked for the health of shop.Catalog over gRPC it says NOT_SERVING',
    );
    expect(complaint({ message: Buffer.from('what') })?.why).toMatch(/says what is no answer to that$/);
  });

  test('of who does not know the protocol is good unless the file asks for it', () => {
    expect(complaint({ status: 12 }, '', true)).toBeUndefined();
    expect(complaint({ status: 12 })).toMatchObject({
      why: expect.stringContaining('does not know the question'),
      advice: expect.stringContaining('grpc.health.v1.Health'),
    });
  });

  test.each<[Partial<GrpcAnswer>, RegExp]>([
    [{ status: 5 }, /does not know that service$/],
    [{ status: 14, text: 'no database' }, /answered status 14 \(no database\)$/],
    [{ status: undefined }, /answered status none$/],
    [{ httpStatus: 404, status: undefined }, /answered with HTTP 404$/],
  ])('%j is told', (answer, why) => {
    expect(complaint(answer)?.why).toMatch(why);
  });
});
