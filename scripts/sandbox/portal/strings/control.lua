return {
  ["control.title"] = { en = "Sandbox", fr = "Bac à sable" },
  ["control.intro"] = {
    en = "What Kaizala's portal does not have: the sandbox's own clock, faults and switches, to try what a "
      .. "program does when things go wrong. Programs steer them below /_sandbox/.",
    fr = "Ce que le portail Kaizala n'a pas : l'horloge, les pannes et les réglages du bac à sable, pour "
      .. "essayer ce qu'un programme fait quand tout ne va pas bien. Les programmes les commandent sous "
      .. "/_sandbox/.",
  },
  ["control.overview"] = { en = "This sandbox", fr = "Ce bac à sable" },
  ["control.memory"] = {
    en = "It is in memory: when it stops, everything is gone. Started with `--db FILE` it keeps everything.",
    fr = "Il est en mémoire : quand il s'arrête, tout disparaît. Lancé avec `--db FICHIER`, il garde tout.",
  },
  ["control.kept"] = {
    en = "It keeps its data in the file of `--db`. Faults, switches and traffic are in memory.",
    fr = "Il garde ses données dans le fichier de `--db`. Pannes, réglages et trafic sont en mémoire.",
  },
  ["control.address"] = { en = "Address", fr = "Adresse" },
  ["control.requests"] = { en = "Calls", fr = "Appels" },
  ["control.exchanges"] = { en = "Of which exchanges", fr = "Dont échanges" },
  ["control.reset"] = { en = "Reset the sandbox", fr = "Réinitialiser le bac à sable" },
  ["control.reset_what"] = {
    en = "Everything will be as at its first start: groups, messages, connectors and tokens that were made "
      .. "since will be deleted, and everybody will be signed out.",
    fr = "Tout sera comme à son premier démarrage : les groupes, messages, connecteurs et jetons créés "
      .. "depuis seront supprimés, et tout le monde sera déconnecté.",
  },

  ["control.clock"] = { en = "Clock", fr = "Horloge" },
  ["control.real_time"] = { en = "real time", fr = "heure réelle" },
  ["control.moved"] = { en = "moved", fr = "déplacée" },
  ["control.forward"] = { en = "Forward by", fr = "Avancer de" },
  ["control.unit"] = { en = "Unit", fr = "Unité" },
  ["control.minutes"] = { en = "minutes", fr = "minutes" },
  ["control.hours"] = { en = "hours", fr = "heures" },
  ["control.days"] = { en = "days", fr = "jours" },
  ["control.move"] = { en = "Move the clock", fr = "Avancer l'horloge" },
  ["control.back_to_real"] = { en = "Back to real time", fr = "Revenir à l'heure réelle" },
  ["control.clock_moved"] = { en = "The clock was moved.", fr = "L'horloge a été déplacée." },

  ["control.faults"] = { en = "Faults", fr = "Pannes" },
  ["control.faults_what"] = {
    en = "The first that matches a call replaces or delays its reply. In a path, * stands for anything.",
    fr = "La première qui correspond à un appel remplace ou retarde sa réponse. Dans un chemin, * tient lieu "
      .. "de tout.",
  },
  ["control.no_faults"] = { en = "None.", fr = "Aucune." },
  ["control.matches"] = { en = "Calls", fr = "Appels" },
  ["control.does"] = { en = "What happens", fr = "Ce qui arrive" },
  ["control.times"] = { en = "Times left", fr = "Fois restantes" },
  ["control.until_removed"] = { en = "until removed", fr = "jusqu'au retrait" },
  ["control.remove"] = { en = "Remove", fr = "Retirer" },
  ["control.does_delay"] = { en = "waits {ms}\u{a0}ms", fr = "attend {ms}\u{a0}ms" },
  ["control.does_status"] = { en = "status {status}", fr = "statut {status}" },
  ["control.status"] = { en = "status, for example 503", fr = "statut, par exemple 503" },
  ["control.delay"] = { en = "delay in milliseconds", fr = "délai en millisecondes" },
  ["control.drop"] = { en = "no reply, nothing is done", fr = "pas de réponse, rien n'est fait" },
  ["control.drop_after"] = { en = "done, but the reply is lost", fr = "fait, mais la réponse se perd" },
  ["control.value"] = { en = "Status or milliseconds", fr = "Statut ou millisecondes" },
  ["control.times_hint"] = { en = "Times (0: until removed)", fr = "Fois (0 : jusqu'au retrait)" },
  ["control.add_fault"] = { en = "Add a fault", fr = "Ajouter une panne" },
  ["control.fault_added"] = { en = "The fault was added.", fr = "La panne a été ajoutée." },
  ["control.fault_removed"] = { en = "The fault was removed.", fr = "La panne a été retirée." },

  ["control.switches"] = { en = "Switches", fr = "Réglages" },
  ["control.access_token_lifetime_s"] = {
    en = "Lifetime of access tokens, seconds",
    fr = "Durée des jetons d'accès, secondes",
  },
  ["control.per_minute"] = {
    en = "Calls a minute, each connector (0: no limit)",
    fr = "Appels par minute, par connecteur (0 : sans limite)",
  },
  ["control.tenant_per_minute"] = {
    en = "Calls a minute, all connectors (0: no limit)",
    fr = "Appels par minute, tous connecteurs (0 : sans limite)",
  },
  ["control.endpoint_url"] = { en = "Endpoint URL of new tokens", fr = "URL de service des nouveaux jetons" },
  ["control.token_redirect"] = { en = "308 for the next exchange", fr = "308 au prochain échange" },
  ["control.api_redirect"] = { en = "308 for the next call", fr = "308 au prochain appel" },
  ["control.redirect_off"] = { en = "none", fr = "aucune" },
  ["control.redirect_full"] = { en = "to the URL of the call", fr = "vers l'URL de l'appel" },
  ["control.redirect_base"] = { en = "to the new base", fr = "vers la nouvelle base" },
  ["control.single_use_refresh_tokens"] = {
    en = "Each exchange replaces the refresh token",
    fr = "Chaque échange remplace le jeton d'actualisation",
  },
  ["control.set"] = { en = "Set the switches", fr = "Appliquer les réglages" },
  ["control.switched"] = { en = "The switches are set.", fr = "Les réglages sont appliqués." },
}
