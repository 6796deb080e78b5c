/*
 * What edge and sidecar need of nginx beside its core. Who makes an image of one's own may leave modules out, and nginx then names
 * a directive, a parameter or a variable that it does not know.
 */

/** The modules, by what begins the directives that nginx does not know without them. */
const MODULES: readonly (readonly [directive: RegExp, module: string])[] = [
  [/^stream$/, 'ngx_stream_module'],
  [/^dav_/, 'ngx_http_dav_module'],
  [/^(?:set_real_ip|real_ip)_/, 'ngx_http_realip_module'],
  [/^ssl_/, 'ngx_http_ssl_module'],
  [/^http2$/, 'ngx_http_v2_module'],
  [/^grpc_/, 'ngx_http_grpc_module'],
  [/^proxy_/, 'ngx_http_proxy_module'],
  [/^map/, 'ngx_http_map_module'],
  [/^geo$/, 'ngx_http_geo_module'],
  [/^(?:rewrite|return|set|if)$/, 'ngx_http_rewrite_module'],
  [/^auth_request/, 'ngx_http_auth_request_module'],
  [/^auth_basic/, 'ngx_http_auth_basic_module'],
  [/^(?:allow|deny)$/, 'ngx_http_access_module'],
  [/^limit_req/, 'ngx_http_limit_req_module'],
  [/^limit_conn/, 'ngx_http_limit_conn_module'],
  [/^gzip/, 'ngx_http_gzip_module'],
  [/^ssi/, 'ngx_http_ssi_module'],
  [/^zone$/, 'ngx_http_upstream_zone_module'],
  [/^least_conn$/, 'ngx_http_upstream_least_conn_module'],
];

/** missingModule returns the module that nginx was built or started without, by what it complains of; undefined is another reason. Pure. */
export function missingModule(complaint: string): string | undefined {
  const required = /\brequires (?:the )?(ngx_\w+_module)/.exec(complaint)?.[1];
  if (required !== undefined) return required;
  const unknown = /unknown directive "(\w+)"/.exec(complaint)?.[1];
  if (unknown === undefined) return undefined;
  return MODULES.find(([directive]) => directive.test(unknown))?.[1];
}
