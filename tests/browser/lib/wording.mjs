// What people read on the pages. The first part is the wording of the document that the portal follows.
export const WORDING = {
  en: {
    addPhone: "Add a phone number", enterPhone: "Enter phone number", generatePin: "Generate PIN",
    verifyPin: "Verify PIN", connectors: "Connectors", addConnector: "Add Connector", continue: "Continue",
    createConnector: "Create Connector", generateToken: "Generate user token", refreshToken: "Refresh token",
    groups: "Groups",

    signIn: "Sign in", signOut: "Sign out", email: "E-mail address", pin: "PIN", inbox: "SMS inbox", name: "Name",
    description: "Description", redirectUrl: "Redirect URL", connectorId: "Connector ID", secret: "Secret",
    command: "Command", tryIt: "Try it", timeLeft: "Time left", deleteConnector: "Delete connector",
    regenerate: "Regenerate secret", newPin: "Send a new PIN", exchange: "Exchange for an access token",
    copy: "Copy", copied: "Copied", traffic: "Traffic", arrived: "Arrived",
    pinWrong: /This PIN is wrong\. \d attempts? (is|are) left/, pinEnded: /This PIN is no longer good/,
    tokenOnce: /It is shown this once/, tokenReplaces: /A new one ends it/, wholeTenant: /the whole tenant: \d+ groups/,
    replyWorked: /gave an access token/, replyRefused: /gave no access token/, deleted: /was deleted\./,
  },
  fr: {
    addPhone: "Ajouter un numéro de téléphone", enterPhone: "Entrer le numéro de téléphone",
    generatePin: "Générer le code confidentiel", verifyPin: "Vérifier le code confidentiel",
    connectors: "Connecteurs", addConnector: "Ajouter un connecteur", continue: "Continuer",
    createConnector: "Créer un connecteur", generateToken: "Générer un jeton utilisateur",
    refreshToken: "Jeton d'actualisation", groups: "Groupes",

    signIn: "Se connecter", signOut: "Se déconnecter", email: "Adresse électronique", pin: "Code confidentiel",
    inbox: "SMS reçus", name: "Nom", description: "Description", redirectUrl: "URL de redirection",
    connectorId: "ID du connecteur", secret: "Secret", command: "Commande", tryIt: "Essayer",
    timeLeft: "Temps restant", deleteConnector: "Supprimer le connecteur", regenerate: "Régénérer le secret",
    newPin: "Envoyer un nouveau code", exchange: "Échanger contre un jeton d'accès", copy: "Copier", copied: "Copié",
    traffic: "Trafic", arrived: "Arrivée",
    pinWrong: /Ce code est faux\. Il reste \d tentatives?/, pinEnded: /Ce code n'est plus valable/,
    tokenOnce: /Il n'est montré que cette fois/, tokenReplaces: /Un nouveau y met fin/,
    wholeTenant: /tout le client\s: \d+ groupes/,
    replyWorked: /a donné un jeton d'accès/, replyRefused: /n'a pas donné de jeton d'accès/, deleted: /a été supprimé\./,
  },
};
