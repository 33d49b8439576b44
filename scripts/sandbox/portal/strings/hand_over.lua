return {
  ["token.generate"] = { en = "Generate user token", fr = "Générer un jeton utilisateur" },
  ["token.refresh"] = { en = "Refresh token", fr = "Jeton d'actualisation" },
  ["token.title"] = { en = "Refresh token for {name}", fr = "Jeton d'actualisation pour {name}" },
  ["token.once"] = {
    en = "It is shown this once: note it, or hand it over now. It is good until {time}.",
    fr = "Il n'est montré que cette fois : notez-le, ou transmettez-le maintenant. Il est valable "
      .. "jusqu'au {time}.",
  },
  ["token.gone"] = {
    en = "A refresh token is shown once, right after it was generated. If you did not note it, "
      .. "generate a new one.",
    fr = "Un jeton d'actualisation est montré une seule fois, juste après sa création. Si vous ne l'avez pas "
      .. "noté, générez-en un nouveau.",
  },
  ["token.replaces"] = {
    en = "You issued a token for this connector on {time}. A new one ends it: programs that use it "
      .. "stop working.",
    fr = "Vous avez émis un jeton pour ce connecteur le {time}. Un nouveau y met fin : les programmes qui "
      .. "l'utilisent cessent de fonctionner.",
  },
  ["token.replaced"] = {
    en = "The token that you issued before no longer works.",
    fr = "Le jeton que vous aviez émis auparavant ne fonctionne plus.",
  },
  ["token.reaches_tenant"] = {
    en = {
      "It reaches the whole tenant: {count} group today.",
      "It reaches the whole tenant: {count} groups today.",
    },
    fr = {
      "Il donne accès à tout le client : {count} groupe aujourd'hui.",
      "Il donne accès à tout le client : {count} groupes aujourd'hui.",
    },
  },
  ["token.reaches_user"] = {
    en = {
      "It reaches the group that you are in, with your own rights: {names}.",
      "It reaches the {count} groups that you are in, with your own rights: {names}.",
    },
    fr = {
      "Il donne accès au groupe dont vous faites partie, avec vos propres droits : {names}.",
      "Il donne accès aux {count} groupes dont vous faites partie, avec vos propres droits : {names}.",
    },
  },
  ["token.reaches_nothing"] = {
    en = "You are in no group: it reaches none until somebody adds you to one.",
    fr = "Vous n'êtes dans aucun groupe : il ne donne accès à aucun tant que personne ne vous ajoute.",
  },
  ["token.and_more"] = { en = "{names} …", fr = "{names}…" },
  ["token.grant_what"] = {
    en = "It lets {name} act as you.",
    fr = "Il permet à {name} d'agir en votre nom.",
  },

  ["hand_over.title"] = { en = "Hand it over", fr = "Le transmettre" },
  ["hand_over.intro"] = {
    en = "Without chat or mail: this command asks for ID, secret and refresh token without showing them, "
      .. "tries them, and stores them in files that only you can read.",
    fr = "Sans messagerie ni courriel : cette commande demande l'ID, le secret et le jeton d'actualisation "
      .. "sans les afficher, les essaie et les enregistre dans des fichiers que vous seul pouvez lire.",
  },
  ["hand_over.command"] = { en = "Command", fr = "Commande" },
  ["hand_over.yaml_intro"] = {
    en = "Or as a piece of jeton.yaml; the two files hold the secret and the refresh token, with mode 0600:",
    fr = "Ou comme morceau de jeton.yaml ; les deux fichiers contiennent le secret et le jeton "
      .. "d'actualisation, en mode 0600 :",
  },

  ["exchange.title"] = { en = "Exchange for an access token", fr = "Échanger contre un jeton d'accès" },
  ["exchange.title_of"] = { en = "Exchange: {name}", fr = "Échange : {name}" },
  ["exchange.intro"] = {
    en = "Refresh token, connector ID and secret give an access token for a day. In a shell:",
    fr = "Le jeton d'actualisation, l'ID et le secret du connecteur donnent un jeton d'accès pour un jour. "
      .. "Dans un terminal :",
  },
  ["exchange.lua"] = {
    en = "In Lua (SECRET and REFRESH_TOKEN in the environment)",
    fr = "En Lua (SECRET et REFRESH_TOKEN dans l'environnement)",
  },
  ["exchange.this_token"] = {
    en = "Refresh token (the one above)",
    fr = "Jeton d'actualisation (celui ci-dessus)",
  },
  ["exchange.try"] = { en = "Try it", fr = "Essayer" },
  ["exchange.try_title"] = { en = "Try it here", fr = "Essayer ici" },
  ["exchange.try_intro"] = {
    en = "This page makes the very call of the command above.",
    fr = "Cette page fait exactement l'appel de la commande ci-dessus.",
  },
  ["exchange.reply"] = { en = "Reply: {status}", fr = "Réponse : {status}" },
  ["exchange.body"] = { en = "Body, the token masked", fr = "Corps, le jeton masqué" },
  ["exchange.worked"] = {
    en = "The token service gave an access token, good until {time}.",
    fr = "Le service de jetons a donné un jeton d'accès, valable jusqu'au {time}.",
  },
  ["exchange.left"] = { en = "Time left", fr = "Temps restant" },
  ["exchange.refused"] = {
    en = "The token service gave no access token.",
    fr = "Le service de jetons n'a pas donné de jeton d'accès.",
  },
  ["exchange.dropped"] = {
    en = "The connection was closed without an answer, as a fault of the sandbox says.",
    fr = "La connexion a été fermée sans réponse, comme le veut une panne simulée du bac à sable.",
  },
  ["exchange.successor"] = {
    en = "A new refresh token came with it; it is shown this once.",
    fr = "Un nouveau jeton d'actualisation l'accompagne ; il n'est montré que cette fois.",
  },
}
