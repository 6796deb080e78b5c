import { describe, expect, test } from '@jest/globals';
import { healthQuestion, healthStatus } from '../../../src/model/grpc.ts';

describe('the health protocol of gRPC', () => {
  test('asks for a server by an empty message, and for a service by its name', () => {
    expect(healthQuestion().toString('hex')).toBe('0000000000');
    expect(healthQuestion('a.B').toString('hex')).toBe('00000000050a03612e42');
  });

  test.each([
    ['00000000020801', 'SERVING'],
    ['00000000020802', 'NOT_SERVING'],
    ['0000000000', 'UNKNOWN'],
    ['', undefined],
    ['000000000208', undefined],
    ['00000000021201', undefined],
    ['00000000020877', undefined],
  ])('reads %s as %s', (hex, status) => {
    expect(healthStatus(Buffer.from(hex, 'hex'))).toBe(status);
  });
});
