return {
  ["token.generate"] = { en = "Generate user token", fr = "Générer un jeton utilisateur" },
  ["token.refresh"] = { en = "Refresh token", fr = "Jeton d'actualisation" },
  ["token.title"] = { en = "Refresh token for {name}", fr = "Jeton d'actualisation pour {name}" },
  ["token.once"] = {
    en = "It is shown only once: write it down or hand it over now. It is valid until {time}.",
    fr = "Il n'est affiché qu'une fois : notez-le ou transmettez-le maintenant. Il est valable jusqu'au "
      .. "{time}.",
  },
  ["token.gone"] = {
    en = "A refresh token is shown only once, right after it was generated. If you did not write it down, "
      .. "generate a new one.",
    fr = "Un jeton d'actualisation n'est affiché qu'une fois, juste après sa création. Si vous ne l'avez pas "
      .. "noté, générez-en un nouveau.",
  },
  ["token.replaces"] = {
    en = "You issued a token for this connector on {time}. A new one replaces it: programs that use the old "
      .. "one will stop working.",
    fr = "Vous avez émis un jeton pour ce connecteur le {time}. Un nouveau le remplacera : les programmes "
      .. "qui utilisent l'ancien cesseront de fonctionner.",
  },
  ["token.replaced"] = {
    en = "The token you issued before no longer works.",
    fr = "Le jeton que vous aviez émis avant ne fonctionne plus.",
  },
  ["token.reaches_tenant"] = {
    en = {
      "It gives access to the whole tenant: {count} group today.",
      "It gives access to the whole tenant: {count} groups today.",
    },
    fr = {
      "Il donne accès à tout le client : {count} groupe aujourd'hui.",
      "Il donne accès à tout le client : {count} groupes aujourd'hui.",
    },
  },
  ["token.reaches_user"] = {
    en = {
      "It gives access to the group you are in, with your own rights: {names}.",
      "It gives access to the {count} groups you are in, with your own rights: {names}.",
    },
    fr = {
      "Il donne accès au groupe dont vous faites partie, avec vos propres droits : {names}.",
      "Il donne accès aux {count} groupes dont vous faites partie, avec vos propres droits : {names}.",
    },
  },
  ["token.reaches_nothing"] = {
    en = "You are not in any group: it gives access to none until somebody adds you to one.",
    fr = "Vous n'êtes dans aucun groupe : il ne donne accès à rien tant que personne ne vous y ajoute.",
  },
  ["token.and_more"] = { en = "{names} …", fr = "{names}…" },
  ["token.grant_what"] = {
    en = "It lets {name} act as you.",
    fr = "Il permet à {name} d'agir en votre nom.",
  },

  ["hand_over.title"] = { en = "Hand it over", fr = "Le transmettre" },
  ["hand_over.intro"] = {
    en = "Do not send it by chat or mail. This command asks for ID, secret and refresh token without showing "
      .. "them, tries them, and stores them in files that only you can read.",
    fr = "Ne l'envoyez ni par messagerie ni par courriel. Cette commande demande l'ID, le secret et le jeton "
      .. "d'actualisation sans les afficher, les essaie et les enregistre dans des fichiers que vous seul "
      .. "pouvez lire.",
  },
  ["hand_over.command"] = { en = "Command", fr = "Commande" },
  ["hand_over.yaml_intro"] = {
    en = "Or put this into jeton.yaml; the two files hold the secret and the refresh token, with mode 0600:",
    fr = "Ou ajoutez ceci à jeton.yaml ; les deux fichiers contiennent le secret et le jeton "
      .. "d'actualisation, en mode 0600 :",
  },

  ["exchange.title"] = { en = "Exchange for an access token", fr = "Échanger contre un jeton d'accès" },
  ["exchange.title_of"] = { en = "Exchange: {name}", fr = "Échange : {name}" },
  ["exchange.intro"] = {
    en = "Refresh token, connector ID and secret are exchanged for an access token valid for one day. In a "
      .. "shell:",
    fr = "Le jeton d'actualisation, l'ID et le secret du connecteur s'échangent contre un jeton d'accès "
      .. "valable un jour. Dans un terminal :",
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
    en = "This makes the same call as the command above.",
    fr = "Cela fait le même appel que la commande ci-dessus.",
  },
  ["exchange.reply"] = { en = "Reply: {status}", fr = "Réponse : {status}" },
  ["exchange.body"] = { en = "Body, with the token masked", fr = "Corps, avec le jeton masqué" },
  ["exchange.worked"] = {
    en = "The token service returned an access token, valid until {time}.",
    fr = "Le service de jetons a renvoyé un jeton d'accès, valable jusqu'au {time}.",
  },
  ["exchange.left"] = { en = "Time left", fr = "Temps restant" },
  ["exchange.refused"] = {
    en = "The token service returned no access token.",
    fr = "Le service de jetons n'a pas renvoyé de jeton d'accès.",
  },
  ["exchange.shown_on"] = {
    en = "This is the refresh token that you tried. It will not be shown again: write it down or hand it "
      .. "over now.",
    fr = "C'est le jeton d'actualisation que vous avez essayé. Il ne sera plus affiché : notez-le ou "
      .. "transmettez-le maintenant.",
  },
  ["exchange.dropped"] = {
    en = "The connection was closed without an answer: a simulated fault of the sandbox.",
    fr = "La connexion a été fermée sans réponse : c'est une panne simulée du bac à sable.",
  },
  ["exchange.successor"] = {
    en = "It came with a new refresh token, which is shown only once.",
    fr = "Un nouveau jeton d'actualisation l'accompagne ; il n'est affiché qu'une fois.",
  },
}
