return {
  ["oauth.title"] = { en = "Sign in to Kaizala", fr = "Se connecter à Kaizala" },
  ["oauth.asks"] = {
    en = "{name} asks to act as you.",
    fr = "{name} demande à agir en votre nom.",
  },
  ["oauth.sent"] = {
    en = "A PIN was sent to {phone} by SMS.",
    fr = "Un code confidentiel a été envoyé par SMS au {phone}.",
  },
  ["oauth.wrong"] = {
    en = "The PIN is wrong or has expired. After several wrong attempts you need a new one: start again.",
    fr = "Le code est faux ou a expiré. Après plusieurs tentatives, il en faut un nouveau : recommencez.",
  },
  ["oauth.done"] = { en = "Signed in", fr = "Connexion réussie" },
  ["oauth.done_what"] = { en = "You are signed in.", fr = "Vous êtes connecté." },
  ["oauth.problem"] = { en = "Cannot sign in", fr = "Connexion impossible" },
  ["oauth.no_client"] = {
    en = "client_id: there is no application with this id.",
    fr = "client_id : aucune application n'a cet identifiant.",
  },
  ["oauth.response_type"] = {
    en = "response_type: only 'code' is supported.",
    fr = "response_type : seul « code » est pris en charge.",
  },
  ["oauth.redirect"] = {
    en = "redirect_uri: expected the URL registered for the application, or one on this machine.",
    fr = "redirect_uri : l'URL enregistrée pour l'application est attendue, ou une de cette machine.",
  },
  ["oauth.state"] = {
    en = "state: at most {most} bytes.",
    fr = "state : {most} octets au plus.",
  },
  ["oauth.no_form"] = {
    en = "The request did not contain this page's form.",
    fr = "La requête ne contenait pas le formulaire de cette page.",
  },
  ["oauth.form"] = {
    en = "This form is not the one that was shown to you. Start again from the application, with cookies "
      .. "allowed.",
    fr = "Ce formulaire n'est pas celui qui vous a été montré. Recommencez depuis l'application, avec les "
      .. "cookies autorisés.",
  },
}
