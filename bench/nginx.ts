import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Launched, launch } from './process.ts'

/** Starts nginx with one worker and the given `http` block; its files are below `directory`. */
export function launchNginx(name: string, http: string, directory: string, core: number): Launched {
  const prefix = join(directory, name)
  mkdirSync(prefix, { recursive: true })
  const file = join(prefix, 'nginx.conf')
  // Started as root, its worker would run as nobody, who cannot read the private directory.
  const user = process.getuid?.() === 0 ? 'user root;\n' : ''
  writeFileSync(
    file,
    `${user}daemon off;
worker_processes 1;
worker_rlimit_nofile 8192;
pid ${prefix}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_body_temp_path ${prefix}/body;
  proxy_temp_path ${prefix}/proxy;
  fastcgi_temp_path ${prefix}/fastcgi;
  uwsgi_temp_path ${prefix}/uwsgi;
  scgi_temp_path ${prefix}/scgi;
${http}
}
`
  )
  return launch({ command: 'nginx', args: ['-p', prefix, '-c', file], core })
}

/**
 * The limit: `proxy_pass` with a fixed token and no session work. With a verifier's URL, `auth_request` asks it for the
 * token of every request.
 */
export function proxyConf(
  port: number,
  upstream: string,
  token: string,
  verifier: string | null,
  compresses = false
): string {
  const checked = `auth_request /verify; auth_request_set $token $upstream_http_x_token;`
  return `
  upstream pms { server ${new URL(upstream).host}; keepalive 256; keepalive_requests 100000000; }
  ${verifier ? `upstream verifier { server ${new URL(verifier).host}; keepalive 256; keepalive_requests 100000000; }` : ''}
  ${compresses ? 'gzip on; gzip_proxied any; gzip_types application/json text/xml;' : ''}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /pms/ {
      ${verifier ? checked : ''}
      proxy_pass http://pms/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Cookie "";
      proxy_set_header X-Plex-Token ${verifier ? '$token' : `"${token}"`};
      proxy_max_temp_file_size 0;
      proxy_buffers 8 64k;
      location /pms/:/ {
        ${verifier ? checked : ''}
        proxy_pass http://pms/:/;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Cookie "";
        proxy_set_header X-Plex-Token ${verifier ? '$token' : `"${token}"`};
        proxy_buffering off;
      }
    }
    ${
      verifier
        ? `location = /verify {
      internal;
      proxy_pass http://verifier;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
    location = /signin { proxy_pass http://verifier; }`
        : ''
    }
  }`
}
