return {
  ["phone.title"] = { en = "Add a phone number", fr = "Ajouter un numéro de téléphone" },
  ["phone.menu"] = { en = "Phone number", fr = "Téléphone" },
  ["phone.needed"] = {
    en = "Add a phone number first: only people who have one can own connectors.",
    fr = "Ajoutez d'abord un numéro de téléphone : il en faut un pour posséder des connecteurs.",
  },
  ["phone.intro"] = {
    en = "A PIN will be sent to it by SMS, to check that the number is yours.",
    fr = "Un code confidentiel y est envoyé par SMS, pour vérifier que ce numéro est le vôtre.",
  },
  ["phone.number"] = { en = "Enter phone number", fr = "Entrer le numéro de téléphone" },
  ["phone.number_hint"] = {
    en = "With + and country code, such as +33100000001",
    fr = "Avec + et l'indicatif du pays, par exemple +33100000001",
  },
  ["phone.generate"] = { en = "Generate PIN", fr = "Générer le code confidentiel" },
  ["phone.pin"] = { en = "PIN", fr = "Code confidentiel" },
  ["phone.pin_hint"] = { en = "Six digits, valid for 10 minutes", fr = "Six chiffres, valables 10 minutes" },
  ["phone.verify"] = { en = "Verify PIN", fr = "Vérifier le code confidentiel" },
  ["phone.sent"] = {
    en = "A PIN was sent to {phone}. In the sandbox it arrives in the {inbox}.",
    fr = "Un code confidentiel a été envoyé au {phone}. Dans le bac à sable, il arrive dans les {inbox}.",
  },
  ["phone.other"] = { en = "Use another number", fr = "Utiliser un autre numéro" },
  ["phone.again"] = { en = "Send a new PIN", fr = "Envoyer un nouveau code" },
  ["phone.wrong"] = {
    en = { "This PIN is wrong. {count} attempt is left.", "This PIN is wrong. {count} attempts are left." },
    fr = {
      "Ce code est faux. Il reste {count} tentative.",
      "Ce code est faux. Il reste {count} tentatives.",
    },
  },
  ["phone.six"] = {
    en = "A PIN has six digits. This attempt does not count.",
    fr = "Un code a six chiffres. Cette tentative ne compte pas.",
  },
  ["phone.ended"] = {
    en = "This PIN is no longer valid: there were five wrong attempts, or ten minutes have passed. Send "
      .. "a new one.",
    fr = "Ce code n'est plus valable : il y a eu cinq tentatives, ou dix minutes sont passées. Envoyez-en un "
      .. "nouveau.",
  },
  ["phone.bad"] = {
    en = "Enter a phone number with + and country code.",
    fr = "Entrez un numéro de téléphone avec + et l'indicatif du pays.",
  },
  ["phone.taken"] = {
    en = "This number belongs to another account of the tenant.",
    fr = "Ce numéro appartient à un autre compte du client.",
  },
  ["phone.busy"] = {
    en = "Five PINs were sent to this number within ten minutes. Try again later.",
    fr = "Cinq codes ont été envoyés à ce numéro en dix minutes. Réessayez plus tard.",
  },
  ["phone.added"] = {
    en = "{phone} is now the phone number of your account.",
    fr = "{phone} est maintenant le numéro de téléphone de votre compte.",
  },
  ["phone.have"] = { en = "Your phone number: {phone}", fr = "Votre numéro de téléphone : {phone}" },
  ["phone.change"] = { en = "Change the phone number", fr = "Changer le numéro de téléphone" },
}
