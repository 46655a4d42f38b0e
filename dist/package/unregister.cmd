@echo off
rem SPDX-License-Identifier: MIT
rem usage: unregister.cmd
rem Take back what register.cmd did, for all users and for this one.
setlocal
set "MANIFEST=%~dp0lvp_icd.x86_64.json"
set "KEY=SOFTWARE\Khronos\Vulkan\Drivers"
set "REG=%SystemRoot%\System32\reg.exe"
set FOUND=
set FAILED=

call :remove HKLM
call :remove HKCU
if defined FAILED exit /b 1
if not defined FOUND echo It was not registered: "%MANIFEST%"
exit /b 0

:remove
"%REG%" query "%1\%KEY%" /v "%MANIFEST%" /reg:64 >nul 2>&1
if errorlevel 1 exit /b 0
set FOUND=1
"%REG%" delete "%1\%KEY%" /v "%MANIFEST%" /f /reg:64 >nul 2>&1
if errorlevel 1 goto denied
echo Removed from %1\%KEY%:
echo    "%MANIFEST%"
exit /b 0
:denied
set FAILED=1
echo No rights to remove it from %1\%KEY%: run this as administrator.
exit /b 0
