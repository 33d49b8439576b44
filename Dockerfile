# jeton in a container: docker build -t jeton . && docker run --rm jeton run --sandbox /usr/local/share/jeton/examples/hello.lua
FROM debian:bookworm-slim AS build
COPY . /src
WORKDIR /src
RUN ./dev install /usr/local

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tzdata libcurl4 libmicrohttpd12 libssl3 libpq5 \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --home-dir /var/lib/jeton --create-home --shell /usr/sbin/nologin jeton \
    && chmod 0700 /var/lib/jeton
COPY --from=build /usr/local /usr/local
# The state is /var/lib/jeton: mount a volume there. The configuration is mounted, too.
ENV XDG_STATE_HOME=/var/lib
USER 10001
WORKDIR /var/lib/jeton
ENTRYPOINT ["jeton"]
CMD ["--help"]
