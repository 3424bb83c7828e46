# Two stages: what runs has no shell, no package manager and no root.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --bin lockstep && deploy/image target/release/lockstep /image

FROM scratch
COPY --from=build /image /
# What Lockstep remembers. The rest of the file system may be read-only.
COPY --from=build --chown=65532:65532 /image/var/lib/lockstep /var/lib/lockstep
VOLUME /var/lib/lockstep
USER 65532:65532
ENV PATH=/usr/local/bin
# glibc keeps an arena a thread; two are enough for what little runs side by side, and take less memory.
ENV MALLOC_ARENA_MAX=2
# The configuration is looked for in config/lockstep.toml below this directory.
WORKDIR /etc/lockstep
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["/usr/local/bin/lockstep", "status", "--check"]
ENTRYPOINT ["/usr/local/bin/lockstep"]
CMD ["run"]
