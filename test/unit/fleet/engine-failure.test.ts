import { describe, expect, test } from '@jest/globals';
import { EngineError } from '../../../src/docker/http.ts';
import { explainCutOff, explainRefusal } from '../../../src/fleet/engine-failure.ts';
import { UserError } from '../../../src/model/errors.ts';

test('a call that was cut off names the server and the reason', () => {
  expect(explainCutOff('10.0.0.1', new Error('the SSH connection broke'))).toMatchObject({
    name: 'UserError',
    message: '10.0.0.1: the connection to its Docker engine broke off (the SSH connection broke)',
    hint: expect.stringContaining('Run again'),
  });
});

describe('what an engine refuses', () => {
  const refused = (words: string) => explainRefusal('start api on 10.0.0.1', new EngineError(500, words));

  test('is told in its own words, with the step', () => {
    expect(refused('no such driver')).toMatchObject({
      name: 'UserError',
      message: 'start api on 10.0.0.1: the Docker engine refuses: no such driver',
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
