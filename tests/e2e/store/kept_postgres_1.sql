-- A state in PostgreSQL as version 1 of its tables had it: made and filled by that program, dumped by pg_dump --inserts.
CREATE SCHEMA kept;
CREATE TABLE kept.boot (
    scope bytea NOT NULL,
    host_id text NOT NULL,
    boot_id text NOT NULL,
    run text NOT NULL
);
CREATE TABLE kept.bucket (
    key bytea NOT NULL,
    slots text NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE kept.job (
    scope bytea NOT NULL,
    installed_ms bigint
);
CREATE TABLE kept.job_counter (
    scope bytea NOT NULL,
    runs bigint NOT NULL,
    failures bigint NOT NULL,
    skipped bigint NOT NULL,
    requests bigint NOT NULL,
    exchanges bigint NOT NULL,
    success_ms bigint,
    last bytea NOT NULL
);
CREATE TABLE kept.kv (
    scope bytea NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE kept.kv_write (
    scope bytea NOT NULL,
    last bigint NOT NULL,
    again boolean NOT NULL
);
CREATE TABLE kept.lease (
    kind smallint NOT NULL,
    key bytea NOT NULL,
    epoch bigint NOT NULL,
    holder bytea NOT NULL,
    host text NOT NULL,
    boot_id text NOT NULL,
    until timestamp with time zone
)
WITH (fillfactor='50');
CREATE TABLE kept.meta (
    key text NOT NULL,
    value bytea NOT NULL
);
CREATE TABLE kept.run (
    "row" bigint NOT NULL,
    run text NOT NULL,
    scope bytea NOT NULL,
    job text NOT NULL,
    slot_ms bigint,
    attempt bigint NOT NULL,
    started_ms bigint NOT NULL,
    ended_ms bigint,
    exit integer,
    cause text,
    message bytea,
    requests bigint NOT NULL,
    exchanges bigint NOT NULL,
    peak_kib bigint NOT NULL,
    pid bigint NOT NULL,
    pid_start bigint NOT NULL,
    boot_id text NOT NULL,
    output_bytes bigint NOT NULL,
    output bytea,
    untold boolean NOT NULL,
    host text,
    host_id text NOT NULL,
    made bytea NOT NULL
);
CREATE SEQUENCE kept.run_row
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE kept.slot (
    scope bytea NOT NULL,
    slot_ms bigint NOT NULL,
    run text NOT NULL
);
CREATE TABLE kept.token (
    owner text NOT NULL,
    home bytea,
    generation bigint NOT NULL,
    access_token bytea,
    endpoint_url bytea,
    scope text,
    lifetime_ms bigint NOT NULL,
    received_wall_ms bigint NOT NULL,
    received_boot_ms bigint NOT NULL,
    received_boot_id text NOT NULL,
    refresh_token bytea,
    refresh_previous bytea,
    refresh_since_ms bigint NOT NULL,
    configured_fingerprint text,
    application_fingerprint text,
    service_override bytea,
    token_type text,
    refresh_expires_ms bigint NOT NULL,
    login_since_ms bigint NOT NULL,
    asked text,
    secret_fingerprint text,
    barred bigint NOT NULL,
    metadata bytea,
    metadata_ms bigint NOT NULL,
    stop_kind smallint NOT NULL,
    stop_since_ms bigint NOT NULL,
    stop_times bigint NOT NULL,
    stop_reason bytea,
    subject_fingerprint text
);
CREATE TABLE kept.token_intent (
    owner text NOT NULL,
    id text NOT NULL,
    generation bigint NOT NULL,
    started_ms bigint NOT NULL,
    host text NOT NULL
);
INSERT INTO kept.job VALUES ('\x6a6f623a6a6f623a6e616d653a736861726564', 1795818192888);
INSERT INTO kept.kv VALUES ('\x6a6f623a6a6f623a6e616d653a736861726564', '\x6e', '\x0137214e53a3a3f101fb1b76dc50a280027532ca15e9462f1a1e46c3cbb202edd7e906d3f3f44c3909e54d3648d9', 43946848979465);
INSERT INTO kept.kv_write VALUES ('\xfb7ae7009614b9baad29cf0e0aac68f479eee11d30bea8c9618421e3e34eea4d', 43946848979465, false);
INSERT INTO kept.lease VALUES (1, '\xfb7ae7009614b9baad29cf0e0aac68f479eee11d30bea8c9618421e3e34eea4d', 2, '\xa9aee2295af16f69b1637b4312920dde', 'a5a86e770fd2c5706caae233fecc73b5', 'a086bf5c-d917-4032-891e-b4ed584246fa', NULL);
INSERT INTO kept.lease VALUES (0, '\xf1ec1537bb53e37287af464d6469c2feacb393a304c4e30cfea90013192f47e1', 1, '\xf209c36a5aa4725fe778196babfc62d5', 'a5a86e770fd2c5706caae233fecc73b5', 'a086bf5c-d917-4032-891e-b4ed584246fa', NULL);
INSERT INTO kept.meta VALUES ('version', '\x31');
INSERT INTO kept.meta VALUES ('oldest', '\x31');
INSERT INTO kept.meta VALUES ('salt', '\xc7420d1c9f72e5723199bf9e3edbf3c909befca9e4c374f705ace9be808fb424');
INSERT INTO kept.meta VALUES ('check', '\x0137214e536388fc7fa85ae246d8f58acee386b6878bbd80a4ce9b36c78bb69bd46ba9c01c5c3b9500dc2a537f');
INSERT INTO kept.run VALUES (2, 'fym53so1e9', '\x6a6f623a6a6f623a6e616d653a736861726564', 'job', 1795818180000, 1, 1795818193078, 1795818193132, 0, NULL, NULL, 0, 0, 5496, 8520, 7868568, 'a086bf5c-d917-4032-891e-b4ed584246fa', 2, '\x0137214e5325e36cfbb92ed8ac57812b5eb1aa6552d39ea5c8c59663acd72f7269041ac87952807db33df03829c490', false, 'old-host', 'a5a86e770fd2c5706caae233fecc73b5', '\x5fa4893fde77e9916af56192a8ed37e7');
INSERT INTO kept.run VALUES (4, 'nxsus3n7kv', '\x6a6f623a6a6f623a6e616d653a736861726564', 'job', NULL, 1, 1795818193253, 1795818193312, 0, NULL, NULL, 0, 0, 5272, 8550, 7868600, 'a086bf5c-d917-4032-891e-b4ed584246fa', 2, '\x0137214e53e6afd94daa149eeded52b01a7c260cde86088ada1cb366b1228fb7e1e12f2b9cf800e33aef706aa07e37', false, 'old-host', 'a5a86e770fd2c5706caae233fecc73b5', '\xc5c3df8b1a157e516a351121e5c058b1');
INSERT INTO kept.slot VALUES ('\x6a6f623a6a6f623a6e616d653a736861726564', 1795818180000, 'fym53so1e9');
INSERT INTO kept.token VALUES ('472062acbbc2d2471828e12f5c39e0f772e0d1ac186e77840cfc3009f20ad110', '\x6e616d653a736861726564', 1, '\x0137214e5326a5bdca5b6cb6718d1c3d28a40ce33242dd3e8fc881727bba5ff4d775a140bcca1c57bcb461156042b21c1e0a779f99355fa0596ea53651a6', NULL, NULL, 315360000000, 1795818193662, 78686465, 'a086bf5c-d917-4032-891e-b4ed584246fa', '\x0137214e537d7530e202548e6821e604468d18d30136607c8527f837ee2ca7f769d63f48c2d9ce0eb1d0d1bbc8794f1d30aa4b170f0a63193eea614068fbde', '\x0137214e531d9fa0f63f3f4c5913c7154c36cc9df0457a6e34ad2b7d1ef826ee9bbb071df3aff64ca44fef78c3e806775566c5d181816c8e5eec702eee4783fa46b2faac', 1795818193662, 'b757ec29b27c4093634d2dafccbd4d927fa70908179c441d962ce85b0f8cc853', '650b369d2e7bb657c2aadaadb29ea4a9ed9a9064423f3c85344ee5ef98e5e305', NULL, 'Bearer', 0, 1795818193662, '498c5a7d33dc7525ea5a240c96d515ff25237fb8ab4f4f83ea913593519f42d3', '70eda0a7c9d528cea29d0c2bd0e055504cd80e26f3570fcba89689a61c17019d', 0, NULL, 0, 0, 0, 0, NULL, NULL);
SELECT pg_catalog.setval('kept.run_row', 4, true);
ALTER TABLE ONLY kept.bucket
    ADD CONSTRAINT bucket_pkey PRIMARY KEY (key);
ALTER TABLE ONLY kept.kv_write
    ADD CONSTRAINT kv_write_pkey PRIMARY KEY (scope);
ALTER TABLE ONLY kept.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (kind, key);
ALTER TABLE ONLY kept.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);
ALTER TABLE ONLY kept.run
    ADD CONSTRAINT run_pkey PRIMARY KEY ("row");
ALTER TABLE ONLY kept.token_intent
    ADD CONSTRAINT token_intent_pkey PRIMARY KEY (owner);
ALTER TABLE ONLY kept.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (owner);
CREATE UNIQUE INDEX boot_by_scope ON kept.boot USING btree (sha256(scope), host_id);
CREATE UNIQUE INDEX job_by_scope ON kept.job USING btree (sha256(scope));
CREATE UNIQUE INDEX job_counter_by_scope ON kept.job_counter USING btree (sha256(scope));
CREATE UNIQUE INDEX kv_by_key ON kept.kv USING btree (sha256(scope), key);
CREATE UNIQUE INDEX run_by_id ON kept.run USING btree (run, attempt);
CREATE INDEX run_by_scope ON kept.run USING btree (sha256(scope), "row");
CREATE INDEX run_open ON kept.run USING btree ("row") WHERE ((exit IS NULL) AND (cause IS NULL));
CREATE INDEX run_untold ON kept.run USING btree (sha256(scope)) WHERE untold;
CREATE UNIQUE INDEX slot_by_scope ON kept.slot USING btree (sha256(scope), slot_ms);
