return {
  ["home.title"] = { en = "Start", fr = "Accueil" },
  ["home.heading"] = { en = "From a connector to an access token", fr = "Du connecteur au jeton d'accès" },
  ["home.intro"] = {
    en = "Four steps, as in Kaizala's management portal. Your scripts then call this sandbox as they would "
      .. "call the service.",
    fr = "Quatre étapes, comme dans le portail de gestion Kaizala. Vos scripts appellent ensuite ce bac à "
      .. "sable comme ils appelleraient le service.",
  },
  ["home.done"] = { en = "Done", fr = "Fait" },
  ["home.step1"] = { en = "Register a connector", fr = "Enregistrer un connecteur" },
  ["home.step1_what"] = {
    en = "The developer adds a phone number, then a connector with its permissions, and notes the "
      .. "ID and secret.",
    fr = "Le développeur ajoute un numéro de téléphone, puis un connecteur avec ses autorisations, et note "
      .. "l'ID et le secret.",
  },
  ["home.step2"] = {
    en = "Grant the connector access",
    fr = "Accorder l'accès au connecteur",
  },
  ["home.step2_what"] = {
    en = "A user opens the connector, taps “Generate user token”, and notes the refresh token.",
    fr = "Un utilisateur ouvre le connecteur, appuie sur « Générer un jeton utilisateur » et note le jeton "
      .. "d'actualisation.",
  },
  ["home.step3"] = { en = "Hand the refresh token over", fr = "Transmettre le jeton d'actualisation" },
  ["home.step3_what"] = {
    en = "The developer stores it in the configuration with one command. It does not go through chat or "
      .. "mail.",
    fr = "Le développeur l'enregistre dans sa configuration avec une seule commande, sans messagerie ni "
      .. "courriel.",
  },
  ["home.step4"] = { en = "Exchange it for an access token", fr = "L'échanger contre un jeton d'accès" },
  ["home.step4_what"] = {
    en = "The program sends ID, secret and refresh token, and gets an access token valid for one day.",
    fr = "Le programme envoie l'ID, le secret et le jeton d'actualisation, et reçoit un jeton d'accès "
      .. "valable un jour.",
  },
  ["home.open_connectors"] = { en = "Open the connectors", fr = "Ouvrir les connecteurs" },

  ["sign_in.title"] = { en = "Sign in", fr = "Se connecter" },
  ["sign_in.intro"] = {
    en = "Use the e-mail address of an account of {tenant}. This replaces signing in with Office 365. There "
      .. "is no password, because the sandbox can only be reached from this machine.",
    fr = "Utilisez l'adresse électronique d'un compte de {tenant}. Cela remplace la connexion avec "
      .. "Office 365. Il n'y a pas de mot de passe, car le bac à sable n'est accessible que depuis cette "
      .. "machine.",
  },
  ["sign_in.intro_password"] = {
    en = "Use the e-mail address of an account of {tenant}. This replaces signing in with Office 365; no "
      .. "other password is needed than the sandbox's own.",
    fr = "Utilisez l'adresse électronique d'un compte de {tenant}. Cela remplace la connexion avec "
      .. "Office 365 ; aucun autre mot de passe que celui du bac à sable n'est nécessaire.",
  },
  ["sign_in.email"] = { en = "E-mail address", fr = "Adresse électronique" },
  ["sign_in.unknown"] = {
    en = "There is no account with this e-mail address.",
    fr = "Aucun compte n'a cette adresse électronique.",
  },
  ["sign_in.accounts"] = { en = "Accounts of this tenant", fr = "Comptes de ce client" },
  ["sign_in.admin"] = { en = "tenant admin", fr = "admin du client" },

  ["sms.title"] = { en = "SMS inbox", fr = "SMS reçus" },
  ["sms.intro"] = {
    en = "Text messages that the sandbox would have sent to phones: PINs and invitations.",
    fr = "SMS que le bac à sable aurait envoyés aux téléphones : codes confidentiels et invitations.",
  },
  ["sms.none"] = { en = "No SMS yet.", fr = "Pas encore de SMS." },
  ["sms.to"] = { en = "To {phone}", fr = "À {phone}" },
  ["sms.all"] = { en = "Show all messages", fr = "Afficher tous les SMS" },
  ["sms.search"] = { en = "Search by text or number", fr = "Rechercher par texte ou numéro" },
  ["sms.none_found"] = { en = "No SMS matches.", fr = "Aucun SMS ne correspond." },
  ["sms.newest"] = { en = "Newest", fr = "Plus récents" },
  ["sms.older"] = { en = "Older", fr = "Plus anciens" },
}
