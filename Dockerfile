# syntax=docker/dockerfile:1

# Debian's slim image rather than Alpine: the runtime that package-lock.json pins for development is linked
# against glibc. Node 26 needs libatomic1; a base without it fails in the first RUN, not in production.
ARG BASE=node:26-bookworm-slim
FROM ${BASE} AS build
RUN install -d -o node -g node /app
USER node
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
RUN --mount=type=cache,target=/home/node/.npm,uid=1000,gid=1000 npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
COPY plugins plugins
COPY routes routes
# npm builds with the runtime that the lockfile pins. Compiled code is of use to the Node and the user id that made it
# alone, so it is made once more here, and what only its owner could read is opened: in the image it is root's.
RUN npm run build && node dist/src/server.js --version && chmod -R a+rX dist

FROM ${BASE}
ARG BASE
ARG VERSION=unreleased
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="Usher" \
  org.opencontainers.image.description="Session gateway for Plex" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.base.name="${BASE}"
# Other containers call the internal listener; on loopback they could not.
ENV NODE_ENV=production USHER_INTERNAL_HOST=0.0.0.0
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY client/package.json client/
# The optional packages are the pinned runtime itself, which this image already is.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional
# Copied between stages, files keep their owner: the service could change its own code, and what is compiled of it.
COPY --from=build --chown=root:root /app/dist dist
COPY scripts/healthcheck.ts scripts/
# For the state: a volume that is made from it takes over its owner and its mode.
RUN install -d -o node -g node -m 700 /var/lib/usher
USER node
EXPOSE 8080 9090
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s --retries=3 CMD ["node", "scripts/healthcheck.ts"]
# Not npm: it would be process 1 and stand between the engine's SIGTERM and the service.
CMD ["node", "--enable-source-maps", "dist/src/server.js"]
