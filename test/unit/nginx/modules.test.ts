import { expect, test } from '@jest/globals';
import { missingModule } from '../../../src/nginx/modules.ts';

test.each([
  ['[emerg] 1#1: unknown directive "stream" in /etc/switchyard/a/main.conf:40', 'ngx_stream_module'],
  ['[emerg] unknown directive "dav_methods" in …', 'ngx_http_dav_module'],
  ['[emerg] unknown directive "real_ip_header" in …', 'ngx_http_realip_module'],
  ['[emerg] the "ssl" parameter requires ngx_http_ssl_module in …', 'ngx_http_ssl_module'],
  ['[emerg] unknown directive "http2" in …', 'ngx_http_v2_module'],
  ['[emerg] unknown directive "brotli" in …', undefined],
  ['[emerg] unknown directive "keepalive_min_timeout" in …', undefined],
  ['[emerg] host not found in upstream "web"', undefined],
])('%s', (complaint, module) => {
  expect(missingModule(complaint)).toBe(module);
});
