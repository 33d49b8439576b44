--- Translates refusals of the API. Its messages are in English, for programs; those that can appear on a page
--- are here in French.
local assumptions = require "sandbox.base.assumptions"
local language = require "html.language"

local refusals = {}

-- Names of fields in French. Others are shown as they are.
local FIELDS = {
  name = "nom", groupName = "nom", welcomeMessage = "message d'accueil", message = "message",
  comment = "commentaire", members = "numéros de téléphone", subscribers = "numéros de téléphone",
  mobileNumber = "numéro de téléphone", phone = "numéro de téléphone", description = "description",
}
local KINDS = {
  Job = "cette tâche", Poll = "ce sondage", Survey = "cette enquête", LetsMeet = "cette réunion",
}

-- A pattern of the message, and the French text with captures (%1 …), or a function that returns it.
local FRENCH = {
  -- Missing objects.
  { "there is no group with this id", "Il n'y a plus de groupe ici : il a peut-être été supprimé." },
  { "there is no connector with this id",
    "Il n'y a plus de connecteur ici : il a peut-être été supprimé." },
  { "there is no webhook with this id", "Il n'y a plus de webhook ici : il a peut-être été supprimé." },
  { "there is no delivery with this number",
    "Cette livraison n'est plus conservée : seules les plus récentes le sont." },
  { "the group has no member with this id", "Cette personne n'est plus membre du groupe." },
  { "the group has no message or action with this reference", "Le groupe n'a pas de message à cet endroit." },
  { "the group has no action with this id", "Le groupe n'a pas d'élément à cet endroit." },
  { "referenceId: the group has no message or action with this reference",
    "Le groupe n'a pas de message à cet endroit." },
  { "the person of this form is not in the group",
    "La personne de ce formulaire n'est plus dans le groupe." },
  { "replyToReferenceId: the group has no message or action with this reference",
    "Le message auquel vous répondez a disparu." },

  -- Roles.
  { "only an admin of the group may do this", "Seul un administrateur du groupe peut le faire." },
  { "only a member of the group may do this", "Seul un membre du groupe peut le faire." },
  { "sourceGroupId: only a member of the group may do this", "Seul un membre du groupe peut le faire." },
  { "only an admin of the group may send to subscribers",
    "Seul un administrateur du groupe peut écrire aux abonnés." },
  { "only a tenant%-level token may create a ConnectGroup",
    "Seul un administrateur du client peut créer un groupe public." },
  { "only a tenant%-level token may do this", "Seul un administrateur du client peut le faire." },
  { "only the owner of the connector may do this", "Seul le propriétaire du connecteur peut le faire." },
  { "only an assignee may respond to a job",
    "Seules les personnes à qui la tâche est confiée peuvent y répondre." },
  { "only the person who gave a response may replace it",
    "Seule la personne qui a donné une réponse peut la changer." },
  { "a group needs at least one admin", "Un groupe a besoin d'au moins un administrateur." },
  { "group: only public groups %(ConnectGroup%) have subscribers",
    "Seuls les groupes publics ont des abonnés." },
  { "[%w, ]+: only for public groups %(ConnectGroup%)", "Seuls les groupes publics ont des abonnés." },

  -- Answers.
  { "this (%a+) has expired: it takes no more responses", function(kind)
    return ("Trop tard : %s ne prend plus de réponses."):format(KINDS[kind] or "cet élément")
  end },
  { "you have responded already: give responseId to replace the response", "Vous avez déjà répondu." },
  { "responseId: the action has no response with this id", "La réponse à changer n'est plus là." },
  { "a package without questions takes no responses", "Ce module d'action ne pose pas de question." },
  { "a message takes no answers", "Un message ne prend pas de réponses." },
  { "an action of type %a+ takes no answers of this kind", "Cet élément ne prend pas de telles réponses." },
  { "actionBody%.answers%[%d+%]: no upload of this tenant returned this mediaResource.*",
    "Un des fichiers choisis n'est plus là." },

  -- Limits.
  { "the sandbox holds at most (%d+) groups", "Le bac à sable contient au plus %1 groupes." },
  { "the sandbox holds at most (%d+) users", "Le bac à sable contient au plus %1 personnes." },
  { "the sandbox holds at most (%d+) connectors", "Le bac à sable contient au plus %1 connecteurs." },
  { "a group has at most (%d+) members", "Un groupe a au plus %1 membres." },
  { "group %S+ cannot become a subgroup of %S+: at most (%d+) levels, this makes (%d+)",
    "Les sous-groupes s'emboîtent sur %1 niveaux au plus ; cela en ferait %2." },
  { "group %S+ cannot become a subgroup of %S+: it would be its own ancestor",
    "Un groupe ne peut pas être son propre sous-groupe." },
  { "the subgroup needs a name", "Nom du sous-groupe : à remplir." },
  { "the body is over (%d+) bytes", "Plus de %1 octets." },
  { "Too many PINs for this number; try again later",
    "Trop de codes confidentiels pour ce numéro ; réessayez plus tard." },
  { "Too many attempts; try again later", "Trop de tentatives ; réessayez plus tard." },
  { "phone: it is somebody else's number", "Ce numéro est celui de quelqu'un d'autre." },
  { "mobileNumber: a bot cannot sign in", "Un robot ne peut pas se connecter." },

  -- Values, by field.
  { "([%w.]+): at most (%d+) characters, got (%d+)", function(field, most, got)
    return ("%s : %s caractères au plus, il y en a %s."):format(FIELDS[field] or field, most, got)
  end },
  { "([%w.]+): at most (%d+) entries, got (%d+)", function(field, most, got)
    return ("%s : %s au plus, il y en a %s."):format(FIELDS[field] or field, most, got)
  end },
  { "([%w.]+): must not be empty", function(field)
    return ("%s : à remplir."):format(FIELDS[field] or field)
  end },
  { "([%w.]+)[%[%]%d]*: expected a phone number with %+ and country code, such as (%+%d+)",
    "Un numéro de téléphone a un + et l'indicatif du pays, par exemple %2." },
  { "actionBody%.answers%[(%d+)%]: expected an answer", function(at)
    return ("Question %d : une réponse est attendue."):format(at + 1)
  end },
  { "actionBody%.answers%[(%d+)%]: at most (%d+) characters, got (%d+)", function(at, most, got)
    return ("Question %d : %s caractères au plus, il y en a %s."):format(at + 1, most, got)
  end },
  { "actionBody%.answers%[(%d+)%]: at most (%d+) %a+, got (%d+)", function(at, most, got)
    return ("Question %d : %s au plus, il y en a %s."):format(at + 1, most, got)
  end },
  { "actionBody%.answers%[(%d+)%]: expected one of the options .*", function(at)
    return ("Question %d : choisissez une des réponses proposées."):format(at + 1)
  end },
  { "actionBody%.answers%[(%d+)%][%.%w]*: expected a number from (%S+) to (%S+)", function(at, least, most)
    return ("Question %d : un nombre de %s à %s est attendu."):format(at + 1, least, most)
  end },
}

-- "Not allowed: ", which is in the page's heading already.
local PREFIX = assumptions.role_message:match "^(.-)%%s$"

local function without_prefix(message)
  return message:sub(1, #PREFIX) == PREFIX and message:sub(#PREFIX + 1) or message
end

local function capitalised(text)
  return (text:gsub("^%l", string.upper))
end

--- Translates a refusal into the language of a page.
---@param code "en"|"fr"
---@param message string of the API
---@return string text
---@return "en"|"fr" language of the text: English if there is no translation
function refusals.translate(code, message)
  message = without_prefix(message)
  for _, entry in ipairs(code == "fr" and FRENCH or {}) do
    local text, count = message:gsub("^" .. entry[1] .. "$", entry[2])
    if count > 0 then
      return language.typography(code, capitalised(text)), "fr"
    end
  end
  return message, "en"
end

return refusals
