return {
  ["traffic.title"] = { en = "Traffic", fr = "Trafic" },
  ["traffic.intro"] = {
    en = "The requests that programs send to this sandbox, as they arrive. Secrets are masked before they "
      .. "are stored.",
    fr = "Les requêtes que les programmes envoient à ce bac à sable, au fil de leur arrivée. Les secrets "
      .. "sont masqués avant d'être conservés.",
  },
  ["traffic.limits"] = { en = "Calls left this minute", fr = "Appels restants cette minute" },
  ["traffic.limits_who"] = { en = "Connector", fr = "Connecteur" },
  ["traffic.limits_made"] = { en = "Used", fr = "Utilisés" },
  ["traffic.limits_left"] = { en = "Left", fr = "Restants" },
  ["traffic.no_limit"] = { en = "no limit", fr = "sans limite" },
  ["traffic.tenant"] = { en = "{name}, all connectors", fr = "{name}, tous les connecteurs" },
  ["traffic.requests"] = { en = "Requests", fr = "Requêtes" },
  ["traffic.none"] = {
    en = "No requests yet. Run a script against this sandbox, and its calls will appear here.",
    fr = "Pas encore de requête. Lancez un script sur ce bac à sable, et ses appels apparaîtront ici.",
  },
  ["traffic.request"] = { en = "Request", fr = "Requête" },
  ["traffic.status"] = { en = "Status", fr = "Statut" },
  ["traffic.took"] = { en = "Duration", fr = "Durée" },
  ["traffic.took_ms"] = { en = "{ms}\u{a0}ms", fr = "{ms}\u{a0}ms" },
  ["traffic.connector"] = { en = "Connector", fr = "Connecteur" },
  ["traffic.at"] = { en = "Arrived", fr = "Arrivée" },
  ["traffic.waiting"] = { en = "in progress", fr = "en cours" },
  ["traffic.number"] = { en = "Request no. {number}", fr = "Requête nº {number}" },
  ["traffic.operation"] = { en = "Operation", fr = "Opération" },
  ["traffic.refused"] = { en = "Why it was refused", fr = "Pourquoi elle a été refusée" },
  ["traffic.query"] = { en = "Query", fr = "Paramètres" },
  ["traffic.headers"] = { en = "Headers", fr = "En-têtes" },
  ["traffic.body"] = { en = "Body", fr = "Corps" },
  ["traffic.no_body"] = { en = "It had no body.", fr = "Elle n'avait pas de corps." },
  ["traffic.gone"] = {
    en = "This request is no longer stored: only the newest ones are.",
    fr = "Cette requête n'est plus conservée : seules les plus récentes le sont.",
  },
}
