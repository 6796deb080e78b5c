import { describe, expect, test } from '@jest/globals';
import { parseSettings, settingsBeyond, transportSettings } from '../../../src/git/configuration.ts';
import { quietEnvironment, withSettings } from '../../../src/git/environment.ts';

describe('git configuration', () => {
  test('is read with values of several lines and without value', () => {
    expect(parseSettings('core.bare\nfalse\0alias.x\n!f() {\n}; f\0core.flag\0')).toEqual([
      { key: 'core.bare', value: 'false' },
      { key: 'alias.x', value: '!f() {\n}; f' },
      { key: 'core.flag', value: 'true' },
    ]);
  });

  test('of the workspace is what the person has not, counted by line and in order', () => {
    const helper = { key: 'credential.helper', value: 'store' };
    const reset = { key: 'credential.helper', value: '' };
    expect(settingsBeyond([helper, reset, helper, helper], [helper])).toEqual([reset, helper, helper]);
  });

  test('goes along only where it says how to reach a remote', () => {
    const kept = [
      { key: 'http.https://github.com/.extraheader', value: 'x' },
      { key: 'core.sshcommand', value: 'ssh -i key' },
    ];
    const settings = [
      ...kept,
      { key: 'core.hookspath', value: '.husky' },
      { key: 'commit.gpgsign', value: 'true' },
      { key: 'remote.origin.proxy', value: 'http://proxy' },
      { key: 'remote.other.proxy', value: 'http://other' },
    ];
    expect(transportSettings(settings, 'origin', 'switchyard')).toEqual([
      ...kept,
      { key: 'remote.switchyard.proxy', value: 'http://proxy' },
    ]);
  });

  test('is handed over in the environment, in place of what stood there', () => {
    const env = quietEnvironment({
      GIT_DIR: '/x',
      GIT_SSH_COMMAND: 'ssh -v',
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_1: 'a',
    });
    expect(env.GIT_DIR).toBeUndefined();
    expect(withSettings(env, [{ key: 'a.b', value: 'c' }])).toEqual({
      GIT_SSH_COMMAND: 'ssh -v',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'a.b',
      GIT_CONFIG_VALUE_0: 'c',
      GIT_OPTIONAL_LOCKS: '0',
      GIT_TERMINAL_PROMPT: '0',
      GCM_INTERACTIVE: 'never',
      LC_ALL: 'C',
    });
  });
});
