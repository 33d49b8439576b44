return {
  ["connectors.title"] = { en = "Connectors", fr = "Connecteurs" },
  ["connectors.intro"] = {
    en = "A connector stands for a program that calls the API. Open one to grant it access.",
    fr = "Un connecteur représente un programme qui appelle l'API. Ouvrez-en un pour lui accorder l'accès.",
  },
  ["connectors.add"] = { en = "Add Connector", fr = "Ajouter un connecteur" },
  ["connectors.none"] = { en = "There is no connector yet.", fr = "Il n'y a pas encore de connecteur." },
  ["connectors.name"] = { en = "Name", fr = "Nom" },
  ["connectors.owner"] = { en = "Owner", fr = "Propriétaire" },
  ["connectors.you"] = { en = "you", fr = "vous" },
  ["connectors.tokens_working"] = { en = "Refresh tokens", fr = "Jetons d'actualisation" },
  ["connectors.created"] = { en = "Created", fr = "Créé" },
  ["connectors.description"] = { en = "Description", fr = "Description" },
  ["connectors.description_hint"] = { en = "Optional: what it is for", fr = "Facultatif : à quoi il sert" },
  ["connectors.redirect"] = { en = "Redirect URL", fr = "URL de redirection" },
  ["connectors.redirect_hint"] = {
    en = "Optional, for OAuth: where people go after signing in. https://, or http:// on this machine",
    fr = "Facultatif, pour OAuth : où aller après la connexion. https://, ou http:// "
      .. "sur cette machine",
  },
  ["connectors.redirect_bad"] = {
    en = "Enter a URL that starts with https://, or with http:// for this machine.",
    fr = "Entrez une URL qui commence par https://, ou par http:// pour cette machine.",
  },
  ["connectors.continue"] = { en = "Continue", fr = "Continuer" },
  ["connectors.create"] = { en = "Create Connector", fr = "Créer un connecteur" },
  ["connectors.step_details"] = { en = "1. Details", fr = "1. Détails" },
  ["connectors.step_permissions"] = { en = "2. Permissions", fr = "2. Autorisations" },
  ["connectors.steps"] = { en = "Steps", fr = "Étapes" },
  ["connectors.choose"] = {
    en = "What may {name} do?",
    fr = "Que peut faire {name} ?",
  },
  ["connectors.choose_one"] = {
    en = "Choose at least one permission.",
    fr = "Choisissez au moins une autorisation.",
  },
  ["connectors.edit_details"] = { en = "Back to the details", fr = "Retour aux détails" },

  ["connectors.note"] = { en = "Note the ID and secret", fr = "Notez l'ID et le secret" },
  ["connectors.note_warning"] = {
    en = "The secret is shown only once: the sandbox keeps only a hash of it.",
    fr = "Le secret n'est affiché qu'une fois : le bac à sable n'en garde qu'une empreinte.",
  },
  ["connectors.id"] = { en = "Connector ID", fr = "ID du connecteur" },
  ["connectors.secret"] = { en = "Secret", fr = "Secret" },
  ["connectors.details"] = { en = "Details", fr = "Détails" },
  ["connectors.permissions"] = { en = "Permissions", fr = "Autorisations" },
  ["connectors.some"] = { en = "in part", fr = "en partie" },
  ["connectors.no_permissions"] = { en = "None.", fr = "Aucune." },

  ["connectors.tokens"] = { en = "Tokens issued", fr = "Jetons émis" },
  ["connectors.your_tokens"] = { en = "Tokens you issued", fr = "Jetons que vous avez émis" },
  ["connectors.no_tokens"] = { en = "None yet.", fr = "Aucun pour l'instant." },
  ["connectors.token_to"] = { en = "Granted by", fr = "Accordé par" },
  ["connectors.token_reach"] = { en = "Reaches", fr = "Donne accès à" },
  ["connectors.token_when"] = { en = "Issued", fr = "Émis" },
  ["connectors.token_until"] = { en = "Valid until", fr = "Valable jusqu'au" },
  ["connectors.token_used"] = { en = "Last used", fr = "Dernière utilisation" },
  ["connectors.token_state"] = { en = "State", fr = "État" },
  ["connectors.never"] = { en = "never", fr = "jamais" },
  ["connectors.state_works"] = { en = "valid", fr = "valable" },
  ["connectors.state_revoked"] = { en = "revoked", fr = "révoqué" },
  ["connectors.state_expired"] = { en = "expired", fr = "expiré" },
  ["connectors.kind_tenant"] = { en = "the whole tenant", fr = "tout le client" },
  ["connectors.kind_user"] = { en = "the user's groups", fr = "les groupes de l'utilisateur" },
  ["connectors.kind_group"] = { en = "the group {name}", fr = "le groupe {name}" },

  ["connectors.manage"] = { en = "Manage the connector", fr = "Gérer le connecteur" },
  ["connectors.edit"] = { en = "Change the connector", fr = "Modifier le connecteur" },
  ["connectors.edit_what"] = {
    en = "Permissions apply at once, to tokens that were issued before too.",
    fr = "Les autorisations s'appliquent aussitôt, y compris aux jetons déjà émis.",
  },
  ["connectors.save"] = { en = "Save", fr = "Enregistrer" },
  ["connectors.saved"] = { en = "{name} was changed.", fr = "{name} a été modifié." },
  ["connectors.regenerate"] = { en = "Regenerate secret", fr = "Régénérer le secret" },
  ["connectors.regenerate_what"] = {
    en = "{name} will get a new secret. The old one and all its refresh tokens will stop working at once.",
    fr = "{name} recevra un nouveau secret. L'ancien et tous ses jetons d'actualisation cesseront aussitôt "
      .. "de fonctionner.",
  },
  ["connectors.delete"] = { en = "Delete connector", fr = "Supprimer le connecteur" },
  ["connectors.delete_what"] = {
    en = {
      "{name} will be deleted for good. {count} valid refresh token and all access tokens will stop working "
        .. "at once.",
      "{name} will be deleted for good. {count} valid refresh tokens and all access tokens will stop "
        .. "working at once.",
    },
    fr = {
      "{name} sera supprimé définitivement. {count} jeton d'actualisation valable et tous les jetons d'accès "
        .. "cesseront aussitôt de fonctionner.",
      "{name} sera supprimé définitivement. {count} jetons d'actualisation valables et tous les jetons "
        .. "d'accès cesseront aussitôt de fonctionner.",
    },
  },
  ["connectors.deleted"] = { en = "{name} was deleted.", fr = "{name} a été supprimé." },

  ["permission.groupinfo"] = { en = "Group information", fr = "Informations sur les groupes" },
  ["permission.groupinfo_what"] = {
    en = "Read groups and subgroups; create, change and remove them",
    fr = "Lire les groupes et sous-groupes ; les créer, les modifier, les retirer",
  },
  ["permission.groupmember"] = { en = "Group member list", fr = "Liste des membres des groupes" },
  ["permission.groupmember_what"] = {
    en = "Read members and subscribers; add and remove people, change their roles",
    fr = "Lire les membres et les abonnés ; ajouter et retirer des personnes, changer leurs rôles",
  },
  ["permission.textmessage"] = { en = "Text message", fr = "Messages texte" },
  ["permission.textmessage_what"] = { en = "Send text messages", fr = "Envoyer des messages texte" },
  ["permission.action"] = { en = "Action and responses", fr = "Actions et réponses" },
  ["permission.action_what"] = {
    en = "Send announcements, jobs, polls, surveys and meetings; read and send responses",
    fr = "Envoyer annonces, tâches, sondages, enquêtes et réunions ; lire et envoyer des réponses",
  },
  ["permission.profile"] = { en = "User profile", fr = "Profil utilisateur" },
  ["permission.profile_what"] = {
    en = "Read the profile of the person who granted access",
    fr = "Lire le profil de la personne qui a accordé l'accès",
  },
  ["permission.media"] = { en = "Media", fr = "Médias" },
  ["permission.media_what"] = {
    en = "Upload pictures, documents, audio and video",
    fr = "Téléverser images, documents, sons et vidéos",
  },
  ["permission.webhook"] = { en = "Outgoing webhooks", fr = "Webhooks sortants" },
  ["permission.webhook_what"] = {
    en = "Send the events of a group to a URL",
    fr = "Envoyer les événements d'un groupe à une URL",
  },
  ["permission.tenant"] = { en = "Tenant data", fr = "Données du client" },
  ["permission.tenant_what"] = {
    en = "Search the groups of the whole tenant; create bots",
    fr = "Chercher dans les groupes de tout le client ; créer des robots",
  },
  ["permission.reactions"] = { en = "Reactions", fr = "Réactions" },
  ["permission.reactions_what"] = {
    en = "Like and comment; read likes and comments",
    fr = "Aimer et commenter ; lire les mentions « J'aime » et les commentaires",
  },
}
