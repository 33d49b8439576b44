return {
  ["answers.next"] = { en = "Next questions", fr = "Questions suivantes" },
  ["answers.previous"] = { en = "Previous questions", fr = "Questions précédentes" },
  ["answers.part"] = {
    en = "Questions {from} to {to} of {count}. What you enter is kept until the last ones are answered.",
    fr = "Questions {from} à {to} sur {count}. Ce que vous entrez est gardé jusqu'aux dernières.",
  },
  ["answers.more_options"] = {
    en = { "{count} more option", "{count} more options" },
    fr = { "{count} autre option", "{count} autres options" },
  },
}
