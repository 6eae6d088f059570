-- Asks what the file that is the argument wants to know, as JSON; the answers go into another file.
--
-- {"setup": [Lua, …], "file": …, "finding": a text of a finding to wait for, "ask": [{"method": …,
--  "line": 0, "character": 0, "newName": …}, …], "answers": where they go}

local WAIT_MS = 60000

local function read(path)
  local file = assert(io.open(path))
  local text = file:read('a')
  file:close()
  return text
end

local wanted = vim.json.decode(read(arg[1]))

local function wait(what, ready)
  assert(vim.wait(WAIT_MS, ready, 10), 'waited in vain for ' .. what)
end

vim.cmd('filetype on')
for _, text in ipairs(wanted.setup) do
  assert(load(text))()
end
vim.cmd.edit(wanted.file)
wait('the server', function()
  local client = vim.lsp.get_clients({ bufnr = 0 })[1]
  return client ~= nil and client.initialized
end)
wait('a finding', function()
  return vim.iter(vim.diagnostic.get(0)):any(function(each)
    return each.message:find(wanted.finding, 1, true) ~= nil
  end)
end)

local client = vim.lsp.get_clients({ bufnr = 0 })[1]
local found = { findings = {}, answers = {} }
for _, each in ipairs(vim.diagnostic.get(0)) do
  table.insert(found.findings, {
    code = each.code,
    message = each.message,
    source = each.source,
    line = each.lnum,
    column = each.col,
    end_column = each.end_col,
  })
end
for _, question in ipairs(wanted.ask) do
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    position = { line = question.line, character = question.character },
    newName = question.newName,
  }
  local reply = assert(client:request_sync(question.method, params, WAIT_MS, 0))
  assert(reply.err == nil, vim.inspect(reply.err))
  table.insert(found.answers, reply.result)
  if question.newName then
    vim.lsp.util.apply_workspace_edit(reply.result, client.offset_encoding)
  end
end
found.text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), '\n') .. '\n'
client:stop()
wait('the end of the server', function()
  return client:is_stopped()
end)
local file = assert(io.open(wanted.answers, 'w'))
file:write(vim.json.encode(found))
file:close()
