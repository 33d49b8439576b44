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
    en = "It goes to the developer's configuration: one command stores it, so that it is in no chat "
      .. "and no mail.",
    fr = "Il va dans la configuration du développeur : une commande l'enregistre, sans passer par une "
      .. "messagerie ni un courriel.",
  },
  ["home.step4"] = { en = "Exchange it for an access token", fr = "L'échanger contre un jeton d'accès" },
  ["home.step4_what"] = {
    en = "The program sends ID, secret and refresh token, and gets an access token for a day.",
    fr = "Le programme envoie l'ID, le secret et le jeton d'actualisation, et reçoit un jeton d'accès pour "
      .. "un jour.",
  },
  ["home.open_connectors"] = { en = "Open the connectors", fr = "Ouvrir les connecteurs" },

  ["sign_in.title"] = { en = "Sign in", fr = "Se connecter" },
  ["sign_in.intro"] = {
    en = "With the e-mail address of an account of {tenant}. This stands for signing in with Office 365; "
      .. "there is no password here, because only this machine reaches the sandbox.",
    fr = "Avec l'adresse électronique d'un compte de {tenant}. Cela remplace la connexion avec Office 365 ; "
      .. "il n'y a pas de mot de passe, car seule cette machine atteint le bac à sable.",
  },
  ["sign_in.intro_password"] = {
    en = "With the e-mail address of an account of {tenant}. This stands for signing in with Office 365; the "
      .. "sandbox's own password was enough.",
    fr = "Avec l'adresse électronique d'un compte de {tenant}. Cela remplace la connexion avec Office 365 ; "
      .. "le mot de passe du bac à sable a suffi.",
  },
  ["sign_in.email"] = { en = "E-mail address", fr = "Adresse électronique" },
  ["sign_in.unknown"] = {
    en = "There is no account with this e-mail address.",
    fr = "Aucun compte n'a cette adresse électronique.",
  },
  ["sign_in.accounts"] = { en = "Accounts of this tenant", fr = "Comptes de ce client" },
  ["sign_in.admin"] = { en = "tenant admin", fr = "administrateur du client" },

  ["sms.title"] = { en = "SMS inbox", fr = "SMS reçus" },
  ["sms.intro"] = {
    en = "What the sandbox would have sent to telephones: PINs and invitations.",
    fr = "Ce que le bac à sable aurait envoyé aux téléphones : codes confidentiels et invitations.",
  },
  ["sms.none"] = { en = "No SMS yet.", fr = "Pas encore de SMS." },
  ["sms.to"] = { en = "To {phone}", fr = "Au {phone}" },
  ["sms.all"] = { en = "Show those to all numbers", fr = "Montrer ceux de tous les numéros" },
}
