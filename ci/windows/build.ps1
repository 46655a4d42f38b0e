# SPDX-License-Identifier: MIT
# Build the driver with Visual Studio, in Mesa's image for Windows builds or
# on a machine that is set up like it. Leaves build\dist.

# LLVM and DirectX-Headers, as Mesa's image has them.
param(
  [string]$DepsPath = "C:\mesa-deps",
  [string]$VsVersion = "17.0"
)

# Meson stumbles over commit messages in the environment, as Mesa notes.
$env:CI_COMMIT_MESSAGE = ""
$env:CI_COMMIT_DESCRIPTION = ""
$env:PYTHONUTF8 = 1

$root = Split-Path -Parent (Split-Path -Parent $PSScriptRoot)
$build = Join-Path -Path $root -ChildPath "build"

$installer = Join-Path -Path ${env:ProgramFiles(x86)} -ChildPath "Microsoft Visual Studio\Installer\vswhere.exe"
$vs = & $installer -products "*" -version $VsVersion -latest -property installationPath
if (!$vs) {
  # Where Mesa's image has the build tools, which vswhere may not know.
  $vs = "C:\BuildTools"
}
Write-Host "Visual Studio: $vs"
Import-Module (Join-Path -Path $vs -ChildPath "Common7\Tools\Microsoft.VisualStudio.DevShell.dll")
Enter-VsDevShell -VsInstallPath $vs -SkipAutomaticLocation -DevCmdArguments "-arch=x64 -host_arch=amd64 -no_logo"
if (!$?) {
  Write-Host "There is no developer shell of Visual Studio"
  Exit 1
}

if (Test-Path -Path $build) {
  Remove-Item -Recurse -Force -Path $build
}

Get-Date
meson setup $build $root `
  "-Db_vscrt=mt" `
  "-Dcmake_prefix_path=$DepsPath" `
  "-Dpkg_config_path=$DepsPath\lib\pkgconfig;$DepsPath\share\pkgconfig" `
  "-Ddirectx-headers=$DepsPath\include" `
  "-Dtests=false"
if ($LASTEXITCODE -ne 0) {
  Write-Host "Meson does not configure Mesa"
  Exit 1
}

meson compile -C $build
if ($LASTEXITCODE -ne 0) {
  Write-Host "Mesa does not build"
  Exit 1
}
Get-Date

Foreach ($name in "vulkan_lvp.dll", "lvp_icd.x86_64.json") {
  $file = Join-Path -Path $build -ChildPath "dist\$name"
  if (!(Test-Path -Path $file)) {
    Write-Host "The build has left no $file"
    Exit 1
  }
}
