chmod 606 conf.d/a.yaml
