return {
  ["common.brand"] = { en = "Kaizala sandbox", fr = "Bac à sable Kaizala" },
  ["common.skip"] = { en = "Skip to content", fr = "Aller au contenu" },
  ["common.menu"] = { en = "Menu", fr = "Menu" },
  ["common.language"] = { en = "Language", fr = "Langue" },
  ["common.sign_out"] = { en = "Sign out", fr = "Se déconnecter" },
  ["common.about"] = {
    en = "A Kaizala on this machine, made by jeton. It is not Microsoft's.",
    fr = "Un Kaizala sur cette machine, fait par jeton. Ce n'est pas celui de Microsoft.",
  },
  ["common.memory"] = {
    en = "In memory: when it stops, everything is gone.",
    fr = "En mémoire : quand il s'arrête, tout disparaît.",
  },
  ["common.clock"] = { en = "The sandbox's clock: {time}", fr = "Horloge du bac à sable : {time}" },
  ["common.copy"] = { en = "Copy", fr = "Copier" },
  ["common.copy_what"] = { en = "Copy: {what}", fr = "Copier : {what}" },
  ["common.about_what"] = { en = "{text}: {what}", fr = "{text} : {what}" },
  ["common.copied"] = { en = "Copied", fr = "Copié" },
  ["common.expired"] = { en = "expired", fr = "expiré" },
  ["common.cut"] = {
    en = "Long texts are cut on this page.",
    fr = "Les longs textes sont coupés sur cette page.",
  },
  -- What the lists of a page are called, by their names in its address.
  ["list.above"] = { en = "groups above", fr = "groupes au-dessus" },
  ["list.answers"] = { en = "answers", fr = "réponses" },
  ["list.assignees"] = { en = "people", fr = "personnes" },
  ["list.below"] = { en = "subgroups", fr = "sous-groupes" },
  ["list.choices"] = { en = "choices", fr = "choix" },
  ["list.comments"] = { en = "comments", fr = "commentaires" },
  ["list.deliveries"] = { en = "deliveries", fr = "livraisons" },
  ["list.faults"] = { en = "faults", fr = "pannes" },
  ["list.followed"] = { en = "groups you follow", fr = "groupes suivis" },
  ["list.hooks"] = { en = "webhooks", fr = "webhooks" },
  ["list.questions"] = { en = "questions", fr = "questions" },
  ["list.tokens"] = { en = "tokens", fr = "jetons" },
  ["list.webhooks"] = { en = "webhooks", fr = "webhooks" },
  ["common.errors"] = { en = "Please correct:", fr = "À corriger :" },
  ["common.cancel"] = { en = "Cancel", fr = "Annuler" },
  ["common.required"] = { en = "{field}: please fill it in.", fr = "{field} : à remplir." },
  ["common.too_long"] = {
    en = { "{field}: at most {count} character.", "{field}: at most {count} characters." },
    fr = { "{field} : {count} caractère au plus.", "{field} : {count} caractères au plus." },
  },

  ["problem.bad"] = { en = "That did not work", fr = "Cela n'a pas fonctionné" },
  ["problem.bad_what"] = {
    en = "The sandbox refused this:",
    fr = "Le bac à sable l'a refusé :",
  },
  ["problem.forbidden"] = { en = "Not allowed", fr = "Non autorisé" },
  ["problem.forbidden_what"] = { en = "You may not do this:", fr = "Vous ne pouvez pas faire cela :" },
  ["problem.missing"] = { en = "There is nothing here", fr = "Il n'y a rien ici" },
  ["problem.missing_what"] = {
    en = "This page does not exist, or what it showed was deleted.",
    fr = "Cette page n'existe pas, ou ce qu'elle montrait a été supprimé.",
  },
  ["problem.method"] = { en = "Wrong method", fr = "Méthode incorrecte" },
  ["problem.method_what"] = {
    en = "This address expects another kind of request.",
    fr = "Cette adresse attend une autre sorte de requête.",
  },
  ["problem.large"] = { en = "Too large", fr = "Trop volumineux" },
  ["problem.large_what"] = {
    en = "That was more than this page accepts.",
    fr = "C'est plus que cette page n'accepte.",
  },
  ["problem.busy"] = { en = "Too many attempts", fr = "Trop de tentatives" },
  ["problem.busy_what"] = {
    en = "There were too many attempts in a short time. Wait a little, then try again.",
    fr = "Il y a eu trop de tentatives en peu de temps. Attendez un peu, puis réessayez.",
  },
  ["problem.broken"] = { en = "The sandbox failed", fr = "Le bac à sable a échoué" },
  ["problem.broken_what"] = {
    en = "This is a bug in the sandbox. Its log has the details.",
    fr = "C'est un bogue du bac à sable. Son journal donne les détails.",
  },
  ["problem.home"] = { en = "Go to the start page", fr = "Aller à la page d'accueil" },
  ["problem.origin"] = {
    en = "This form came from another site, so it was not accepted.",
    fr = "Ce formulaire vient d'un autre site, il n'a donc pas été accepté.",
  },
  ["problem.form"] = {
    en = "This form is not the one that was shown to you, or your session has ended. Open the page again, "
      .. "with cookies allowed.",
    fr = "Ce formulaire n'est pas celui qui vous a été montré, ou votre session est terminée. Rouvrez la "
      .. "page, avec les cookies autorisés.",
  },
  ["problem.no_form"] = {
    en = "The request did not contain this page's form.",
    fr = "La requête ne contenait pas le formulaire de cette page.",
  },
}
