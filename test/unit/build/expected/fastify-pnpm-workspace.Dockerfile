# Node with pnpm 10.12.1. Made by Switchyard.

FROM node:24-slim AS installer
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc npm install --global pnpm@10.12.1
WORKDIR /app

FROM installer AS dependencies
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY apps/api/package.json ./apps/api/
COPY apps/web/package.json ./apps/web/
COPY packages/shared/package.json ./packages/shared/
RUN ["npm", "pkg", "delete", "scripts.prepare"]
RUN --mount=type=cache,target=/root/.pnpm --mount=type=secret,id=npmrc,target=/root/.npmrc pnpm install --frozen-lockfile --store-dir=/root/.pnpm --prod=true --filter='{./apps/api}...'

FROM installer AS build
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY apps/api/package.json ./apps/api/
COPY apps/web/package.json ./apps/web/
COPY packages/shared/package.json ./packages/shared/
RUN ["npm", "pkg", "delete", "scripts.prepare"]
RUN --mount=type=cache,target=/root/.pnpm --mount=type=secret,id=npmrc,target=/root/.npmrc pnpm install --frozen-lockfile --store-dir=/root/.pnpm --prod=false --filter='{./apps/api}...'
COPY . .
RUN ["pnpm", "--dir=packages/shared", "run", "build"]
RUN ["pnpm", "--dir=apps/api", "run", "build"]
RUN find . -name node_modules -type d -prune -exec rm -rf {} +

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=dependencies /app ./
COPY --from=build /app/packages/shared ./packages/shared
COPY --from=build /app/apps/api ./apps/api
WORKDIR /app/apps/api
USER 1000:1000
STOPSIGNAL SIGTERM
CMD ["node", "dist/server.js"]
