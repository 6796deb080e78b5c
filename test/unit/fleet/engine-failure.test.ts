import { describe, expect, test } from '@jest/globals';
import { EngineError } from '../../../src/docker/http.ts';
import { explainCutOff, explainRefusal } from '../../../src/fleet/engine-failure.ts';
import { isTunnelBroken, UserError } from '../../../src/model/errors.ts';

test('a call that was cut off names the server and the reason, and whose fault it was', () => {
  const broken = Object.assign(new Error('the SSH connection broke'), { isTunnelBroken: true });
  const explained = explainCutOff('web-1', broken);
  expect(explained).toMatchObject({
    name: 'UserError',
    message: 'web-1: the connection to its Docker engine broke off (the SSH connection broke)',
    hint: expect.stringContaining('Run again'),
  });
  expect(isTunnelBroken(explained)).toBe(true);
  expect(isTunnelBroken(explainCutOff('web-1', new Error('other side closed')))).toBe(false);
});

describe('what an engine refuses', () => {
  const refused = (words: string) => explainRefusal('start api on web-1', new EngineError(500, words));

  test('is told in its own words, with the step', () => {
    expect(refused('no such driver')).toMatchObject({
      name: 'UserError',
      message: 'start api on web-1: the Docker engine refuses: no such driver',
    });
  });

  test('because its disk is full has its own hint', () => {
    expect(refused('write x: no space left on device')).toMatchObject({
      hint: expect.stringContaining('docker system df'),
    });
  });

  test('is not mixed up with other errors', () => {
    for (const error of [new UserError('known'), new Error('a bug')]) {
      expect(explainRefusal('start', error)).toBe(error);
    }
  });
});
