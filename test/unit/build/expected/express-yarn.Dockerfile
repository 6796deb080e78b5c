# Node with yarn 1.22.22. Made by Switchyard.

FROM node:24-slim AS installer
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc npm install --global --force yarn@1.22.22
ENV YARN_CACHE_FOLDER=/root/.cache/yarn
WORKDIR /app

FROM installer AS dependencies
COPY package.json yarn.lock ./
RUN --mount=type=cache,target=/root/.cache/yarn,sharing=locked --mount=type=secret,id=npmrc,target=/root/.npmrc yarn install --frozen-lockfile --non-interactive --production=true

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=dependencies /app ./
COPY . .
USER 1000:1000
STOPSIGNAL SIGTERM
CMD ["node", "server.js"]
