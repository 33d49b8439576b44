---@meta jeton.yaml

--- YAML by the rules of its version 1.2 core schema: `yes` and `on` are strings, `012` is the integer 12.
--- Null is `json.null`, lists are marked as `json.array` does, keys are strings (`1: a` gives `t["1"]`).
--- Refused, with the position: keys given twice, keys that are lists or mappings, merge keys (`<<`), several
--- documents, tags beyond the core schema's, text that is not UTF-8, more than 4 MiB, 64 levels or 200,000
--- values (an alias counts as what it stands for, each time it is used).
local yaml = {}

--- Reads one YAML document. An empty one is `json.null`.
---@param text string
---@param rules? "core"|"args" args: as a job's `args`: what begins with `+`, or with `0` and another digit,
---is text, such as a phone number without quotes
---@return any value nil when text is not such YAML
---@return jeton.Err? err kind `invalid`; its message begins with line and column
function yaml.decode(text, rules) end

--- Reads a file that holds one YAML document; a relative path counts from the working directory.
---@param path string
---@return any value nil when the file cannot be read or is not such YAML
---@return jeton.Err? err kind `invalid`; its message begins with the path, then line and column
function yaml.load(path) end

return yaml
