# SPDX-License-Identifier: MIT
# PowerShell's own parser on the scripts of this folder: elsewhere there is
# only ci/check-powershell.py.

$failed = $false
Foreach ($script in (Get-ChildItem -Path $PSScriptRoot -Filter "*.ps1")) {
  $tokens = $null
  $errors = $null
  [System.Management.Automation.Language.Parser]::ParseFile($script.FullName, [ref]$tokens, [ref]$errors) | Out-Null
  Foreach ($e in $errors) {
    Write-Host "$($script.Name):$($e.Extent.StartLineNumber): $($e.Message)"
    $failed = $true
  }
}
if ($failed) {
  Exit 1
}
Write-Host "The scripts parse"
