# A plain site. Made by Switchyard.

# The image before this one.
ARG BEFORE=scratch

FROM $BEFORE AS before
# It is there then, whatever that image is.
WORKDIR /srv/site

FROM nginxinc/nginx-unprivileged:1.30-alpine AS site
USER 0
COPY . /srv/site
RUN rm -f /srv/site/nginx.conf && find /srv/site -type f -size +2 \( -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.mjs' -o -name '*.json' -o -name '*.map' -o -name '*.svg' -o -name '*.xml' -o -name '*.txt' -o -name '*.wasm' \) -exec gzip -9 -n -k -f {} +

FROM nginxinc/nginx-unprivileged:1.30-alpine
USER 0
RUN printf '%s\n' \
  'include /etc/nginx/modules-enabled/*.conf;' \
  'worker_processes auto;' \
  'daemon off;' \
  'pid /tmp/nginx.pid;' \
  'error_log /dev/stderr warn;' \
  'events { worker_connections 1024; }' \
  'http {' \
  '  include /etc/nginx/mime.types;' \
  '  default_type application/octet-stream;' \
  '  client_body_temp_path /tmp/client_body;' \
  '  proxy_temp_path /tmp/proxy;' \
  '  fastcgi_temp_path /tmp/fastcgi;' \
  '  uwsgi_temp_path /tmp/uwsgi;' \
  '  scgi_temp_path /tmp/scgi;' \
  '  access_log off;' \
  '  server_tokens off;' \
  '  sendfile on;' \
  '  tcp_nopush on;' \
  '  include /etc/nginx/site-compression.conf;' \
  '  map $uri $kept {' \
  '    default no-cache;' \
  '    "~^/(?:_next/static|_nuxt|_astro|_app/immutable)/" "public, max-age=31536000, immutable";' \
  '    "~[.-](?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}\.(?:chunk\.)?[a-z0-9]+$" "public, max-age=31536000, immutable";' \
  '  }' \
  '  server {' \
  '    listen 8080;' \
  '    root /srv/site;' \
  '    absolute_redirect off;' \
  '    add_header Cache-Control $kept;' \
  '    add_header X-Content-Type-Options nosniff;' \
  '    error_page 404 /404.html;' \
  '    include /etc/nginx/site-snippet.conf;' \
  '    location / { try_files $uri $uri/ $uri.html =404; }' \
  '    location ~ /\.(?!well-known/) { return 404; }' \
  '    location ~ "\.(?:js|mjs|css|map|json|wasm|woff2?|png|jpe?g|gif|svg|webp|avif|ico)$" { try_files $uri @before; }' \
  '    location @before { root /srv/before; try_files $uri =404; }' \
  '  }' \
  '}' \
  >/etc/nginx/site.conf
COPY nginx.conf /etc/nginx/site-snippet.conf
RUN printf '%s\n' \
  'brotli on;' \
  'gzip on;' \
  'gzip_vary on;' \
  'brotli_types text/css text/plain text/javascript application/javascript application/json application/wasm image/svg+xml;' \
  'gzip_types text/css text/plain text/javascript application/javascript application/json application/wasm image/svg+xml;' \
  >/etc/nginx/site-compression.conf && \
  { nginx -t -q -c /etc/nginx/site.conf 2>/dev/null || echo 'gzip_static on; gzip_vary on;' >/etc/nginx/site-compression.conf; } && \
  rm -rf /tmp/*
COPY --from=before /srv/site /srv/before
COPY --from=site /srv/site /srv/site
USER 101:101
RUN ["nginx", "-t", "-q", "-c", "/etc/nginx/site.conf"]
EXPOSE 8080
# It ends when all has been sent.
STOPSIGNAL SIGQUIT
ENTRYPOINT []
CMD ["nginx", "-c", "/etc/nginx/site.conf"]
