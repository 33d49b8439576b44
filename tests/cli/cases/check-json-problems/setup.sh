chmod 666 conf.d/a.yaml
