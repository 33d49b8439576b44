--- Every text of the pages of past runs, in both languages; see html.language.
return {
  ["title"] = { en = "History of jobs", fr = "Historique des tâches" },
  ["short_title"] = { en = "History", fr = "Historique" },
  ["run_title"] = { en = "run {run}", fr = "exécution {run}" },
  ["head"] = {
    en = "{runs} of {jobs} of {whose}, as of {now} ({zone}).",
    fr = "{whose} : {runs} de {jobs}, au {now} ({zone}).",
  },
  ["all_configurations"] = { en = "all configurations", fr = "Toutes les configurations" },
  ["languages"] = { en = "Language", fr = "Langue" },
  ["count_runs"] = {
    en = { "{count} run", "{count} runs" }, fr = { "{count} exécution", "{count} exécutions" },
  },
  ["count_jobs"] = { en = { "{count} job", "{count} jobs" }, fr = { "{count} tâche", "{count} tâches" } },
  ["count_attempts"] = {
    en = { "{count} attempt", "{count} attempts" }, fr = { "{count} tentative", "{count} tentatives" },
  },
  ["count_failed"] = {
    en = { "{count} failed", "{count} failed" }, fr = { "{count} échec", "{count} échecs" },
  },

  ["good"] = { en = "succeeded", fr = "réussie" },
  ["failed"] = { en = "failed", fr = "échouée" },
  ["skipped"] = { en = "skipped", fr = "ignorée" },
  ["running"] = { en = "running", fr = "en cours" },

  ["calendar"] = { en = "Calendar", fr = "Calendrier" },
  ["calendar.label"] = { en = "Runs of each day", fr = "Exécutions de chaque jour" },
  ["calendar.day"] = { en = "{date}: {runs}, {failed}", fr = "{date} : {runs}, {failed}" },
  ["calendar.legend"] = {
    en = "Green squares: all runs succeeded. Red discs: some failed; the larger the disc, the more. "
      .. "A day leads to its runs.",
    fr = "Carrés verts : toutes les exécutions ont réussi. Disques rouges : certaines ont échoué ; plus le "
      .. "disque est grand, plus elles sont nombreuses. Un jour mène à ses exécutions.",
  },

  ["timeline"] = { en = "The last seven days", fr = "Les sept derniers jours" },
  ["timeline.short"] = { en = "Timeline", fr = "Chronologie" },
  ["timeline.label"] = {
    en = "Runs of each job over the last seven days",
    fr = "Exécutions de chaque tâche au cours des sept derniers jours",
  },
  ["timeline.good"] = {
    en = "{count} runs succeeded, the last at {at}", fr = "{count} exécutions réussies, la dernière le {at}",
  },
  ["timeline.failed"] = {
    en = "{count} runs failed, the last at {at}", fr = "{count} exécutions échouées, la dernière le {at}",
  },
  ["timeline.skipped"] = {
    en = "{count} runs skipped, the last at {at}", fr = "{count} exécutions ignorées, la dernière le {at}",
  },
  ["timeline.running"] = {
    en = "{count} runs running, the last at {at}", fr = "{count} exécutions en cours, la dernière le {at}",
  },
  ["timeline.newest"] = {
    en = "The {shown} jobs that ran last, of {of}.", fr = "Les {shown} dernières tâches exécutées, sur {of}.",
  },

  ["jobs"] = { en = "Jobs", fr = "Tâches" },
  ["jobs.good"] = { en = "Good", fr = "Réussies" },
  ["jobs.failed"] = { en = "Failed", fr = "Échouées" },
  ["jobs.median"] = { en = "Median", fr = "Médiane" },
  ["jobs.longest"] = { en = "Longest", fr = "Plus longue" },

  ["runs"] = { en = "Runs", fr = "Exécutions" },
  ["runs.run"] = { en = "Run", fr = "Exécution" },
  ["runs.job"] = { en = "Job", fr = "Tâche" },
  ["runs.configuration"] = { en = "Configuration", fr = "Configuration" },
  ["runs.host"] = { en = "Host", fr = "Hôte" },
  ["runs.started"] = { en = "Started", fr = "Début" },
  ["runs.took"] = { en = "Took", fr = "Durée" },
  ["runs.exit"] = { en = "Exit", fr = "Code" },
  ["runs.why"] = { en = "Why", fr = "Cause" },
  ["runs.exit_code"] = { en = "exit {code}", fr = "code {code}" },
  ["runs.cause"] = { en = "{cause}: {message}", fr = "{cause} : {message}" },
  ["runs.newest"] = { en = "The newest {shown} of {of}.", fr = "Les {shown} plus récentes, sur {of}." },
  ["runs.none"] = { en = "No such runs.", fr = "Aucune exécution ne correspond." },
  ["runs.elsewhere"] = {
    en = "{logs} prints all that a run printed; {serve} shows it in a browser.",
    fr = "{logs} affiche tout ce qu'une exécution a écrit ; {serve} le montre dans un navigateur.",
  },

  ["filter.job"] = { en = "Job", fr = "Tâche" },
  ["filter.all_jobs"] = { en = "All jobs", fr = "Toutes les tâches" },
  ["filter.part"] = { en = "part of a name", fr = "partie d'un nom" },
  ["filter.time"] = { en = "Time", fr = "Période" },
  ["filter.any_time"] = { en = "Any time", fr = "Toutes" },
  ["filter.24_hours"] = { en = "24 hours", fr = "24 heures" },
  ["filter.7_days"] = { en = "7 days", fr = "7 jours" },
  ["filter.30_days"] = { en = "30 days", fr = "30 jours" },
  ["filter.day"] = { en = "Day", fr = "Jour" },
  ["filter.only_failed"] = { en = "Only failed", fr = "Seulement les échecs" },
  ["filter.show"] = { en = "Show", fr = "Afficher" },
  ["filter.show_all"] = { en = "Show all", fr = "Tout afficher" },

  ["page.pages"] = { en = "Pages of runs", fr = "Pages des exécutions" },
  ["page.prev"] = { en = "‹ Newer", fr = "‹ Plus récentes" },
  ["page.next"] = { en = "Older ›", fr = "Plus anciennes ›" },
  ["jobs.pages"] = { en = "Pages of jobs", fr = "Pages des tâches" },
  ["jobs.prev"] = { en = "‹ Before", fr = "‹ Précédentes" },
  ["jobs.next"] = { en = "More ›", fr = "Suivantes ›" },
  ["pages.at"] = { en = "Page {page} of {last}", fr = "Page {page} sur {last}" },

  ["run.attempt"] = { en = "Attempt {attempt}", fr = "Tentative {attempt}" },
  ["run.output"] = { en = "Output", fr = "Sortie" },
  ["run.ended"] = { en = "Ended", fr = "Fin" },
  ["run.of"] = {
    en = "Of {whose}. In a terminal: {logs}", fr = "Configuration : {whose}. Dans un terminal : {logs}",
  },
  ["run.kept"] = {
    en = "It printed {bytes} bytes; these are the last {kept}.",
    fr = "Elle a écrit {bytes} octets ; voici les {kept} derniers.",
  },
  ["run.whole"] = { en = "All that was kept", fr = "Tout ce qui a été conservé" },
  ["run.newest"] = {
    en = "The last {shown} attempts of {of}.", fr = "Les {shown} dernières tentatives, sur {of}.",
  },
  ["run.stored_later"] = {
    en = "What it prints is stored when it ends.", fr = "Ce qu'elle écrit est conservé à sa fin.",
  },
  ["run.nothing"] = { en = "It printed nothing.", fr = "Elle n'a rien écrit." },

  ["refused.no_run"] = {
    en = "There is no such run; it may have been too old to keep.",
    fr = "Cette exécution n'existe pas ; elle était peut-être trop ancienne pour être conservée.",
  },
  ["refused.no_page"] = { en = "There is no such page.", fr = "Cette page n'existe pas." },
  ["refused.address"] = {
    en = "This address is not the one that jeton printed.",
    fr = "Cette adresse n'est pas celle que jeton a affichée.",
  },
  ["refused.foreign"] = {
    en = "Other sites may not lead here. Open the address that jeton printed.",
    fr = "D'autres sites ne peuvent pas mener ici. Ouvrez l'adresse que jeton a affichée.",
  },
  ["refused.method"] = { en = "Nothing can be changed here.", fr = "Rien ne peut être modifié ici." },
  ["refused.opened"] = {
    en = "The address that jeton printed has been opened, and its key works once. "
      .. "For another browser, end `jeton history --serve` and start it again: it prints a new one.",
    fr = "L'adresse que jeton a affichée a été ouverte, et sa clé ne sert qu'une fois. Pour un autre "
      .. "navigateur, arrêtez `jeton history --serve` et relancez-le : il en affichera une nouvelle.",
  },
  ["refused.no_key"] = {
    en = "Open the address that `jeton history --serve` printed: it has the key, which works once.",
    fr = "Ouvrez l'adresse que `jeton history --serve` a affichée : elle contient la clé, qui ne sert "
      .. "qu'une fois.",
  },
}
