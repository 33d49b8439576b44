return {
  ["tenant.title"] = { en = "People", fr = "Personnes" },
  ["tenant.intro"] = {
    en = "Everybody in the tenant: with an account, invited by their number, and bots.",
    fr = "Tout le monde chez ce client : avec un compte, invités par leur numéro, et les robots.",
  },
  ["tenant.search"] = { en = "Name, number or address", fr = "Nom, numéro ou adresse" },
  ["tenant.who"] = { en = "Who", fr = "Qui" },
  ["tenant.everybody"] = { en = "everybody", fr = "tout le monde" },
  ["tenant.admins"] = { en = "tenant admins", fr = "admins du client" },
  ["tenant.invited"] = { en = "invited", fr = "invités" },
  ["tenant.bots"] = { en = "bots", fr = "robots" },
  ["tenant.bot"] = { en = "bot", fr = "robot" },
  ["tenant.made_by"] = { en = "made by {name}", fr = "créé par {name}" },
  ["tenant.since"] = { en = "Since", fr = "Depuis" },
  ["tenant.none"] = { en = "Nobody matches.", fr = "Personne ne correspond." },
  ["tenant.add"] = { en = "Add a person", fr = "Ajouter une personne" },
  ["tenant.phone"] = { en = "Phone number", fr = "Numéro de téléphone" },
  ["tenant.added"] = { en = "{name} was added.", fr = "{name} a maintenant un compte." },
  ["tenant.edit"] = { en = "Change a person", fr = "Modifier une personne" },
  ["tenant.admin"] = { en = "Tenant admin", fr = "Admin du client" },
  ["tenant.admin_what"] = {
    en = "Sees and changes all groups and people; refresh tokens made here are for the whole tenant.",
    fr = "Voit et modifie tous les groupes et toutes les personnes ; ses jetons d'actualisation valent "
      .. "pour tout le client.",
  },
  ["tenant.number_stays"] = {
    en = "The number stays: programs know people by it. People without an e-mail address cannot "
      .. "sign in here.",
    fr = "Le numéro reste : c'est par lui que les programmes connaissent les personnes. Qui n'a pas "
      .. "d'adresse électronique ne peut pas se connecter ici.",
  },
  ["tenant.saved"] = { en = "{name} was changed.", fr = "{name} : les changements sont enregistrés." },
  ["tenant.taken"] = { en = "Somebody has this number already.", fr = "Quelqu'un a déjà ce numéro." },
  ["tenant.email_taken"] = {
    en = "Somebody has this e-mail address already.",
    fr = "Quelqu'un a déjà cette adresse électronique.",
  },

  ["reference.title"] = { en = "API reference", fr = "Référence de l'API" },
  ["reference.intro"] = {
    en = "The operations of this sandbox, below {url}. Each page has an example.",
    fr = "Les opérations de ce bac à sable, sous {url}. Chaque page a un exemple. Les textes sont en "
      .. "anglais.",
  },
  ["reference.fields"] = { en = "Fields", fr = "Champs" },
  ["reference.place"] = { en = "In", fr = "Dans" },
  ["reference.notes"] = { en = "Notes", fr = "Remarques" },
  ["reference.example"] = { en = "Example", fr = "Exemple" },
}
