# The server in an image; docs/operations.md says how it is run. No secret goes into it.
FROM node:20-bookworm-slim AS console
WORKDIR /src/console
# First what changes seldom: as long as it is the same, the packages are not fetched again.
COPY console/.npmrc console/package.json console/package-lock.json ./
RUN npm ci --no-audit --no-fund --silent
COPY console ./
RUN npm run build --silent

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=console /src/console/dist console/dist
RUN cargo build --locked --release -p muster

FROM debian:12-slim
# For TLS to identity providers and to PostgreSQL.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# Its numbers are fixed: volumes keep them from one image to the next.
RUN groupadd --gid 10001 muster \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/muster --shell /usr/sbin/nologin muster \
    && install -d -o muster -g muster -m 0700 /var/lib/muster /var/lib/muster/data
COPY --from=build /src/target/release/muster /usr/local/bin/muster
USER 10001:10001
# Without MUSTER_DATABASE the data is in `data` below it.
WORKDIR /var/lib/muster
VOLUME /var/lib/muster/data
ENV MUSTER_LISTEN=0.0.0.0:8080
EXPOSE 8080
# Not /readyz: it fails with the database, and a new container does not mend that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /livez HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["muster"]
CMD ["serve"]
