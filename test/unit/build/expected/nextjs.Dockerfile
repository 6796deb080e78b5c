# Next.js with npm. Made by Switchyard.

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --omit=dev

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --include=dev
COPY . .
ENV NEXT_TELEMETRY_DISABLED=1
RUN --mount=type=cache,target=/app/.next/cache ["npm", "run", "build"]
RUN find . -name node_modules -type d -prune -exec rm -rf {} +
RUN ["chown", "-R", "1000:1000", ".next"]

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOSTNAME=0.0.0.0 PORT=3000 NEXT_TELEMETRY_DISABLED=1
COPY --from=dependencies /app ./
COPY --from=build /app ./
USER 1000:1000
STOPSIGNAL SIGTERM
CMD ["node", "node_modules/next/dist/bin/next", "start"]
