# Node with npm. Made by Switchyard.

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --omit=dev

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=dependencies /app ./
COPY . .
USER 1000:1000
STOPSIGNAL SIGTERM
CMD ["node", "server.js"]
