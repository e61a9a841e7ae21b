import chromium from '@sparticuz/chromium';
import { chromium as pw } from 'playwright-core';
const base=process.argv[2]; const list=process.argv.slice(3);
const W=Number(process.env.W??1440),H=Number(process.env.H??900);
const browser=await pw.launch({executablePath:await chromium.executablePath(),args:['--no-sandbox','--headless=shell'],headless:true});
const ctx=await browser.newContext({viewport:{width:W,height:H},colorScheme:process.env.THEME??'light',deviceScaleFactor:Number(process.env.S??1)});
const page=await ctx.newPage();
page.on('console',m=>{if(m.type()==='error'||m.type()==='warning')console.log('console',m.text().slice(0,300));});page.on('pageerror',e=>console.log('pageerror',e.message));
const sess=await (await fetch(base+'/v1/session')).json().catch(()=>null);const app=sess?.applications?.[0]?.id;
for(const item of list){let [name,path,...steps]=item.split('=>');await page.goto(base+path.replace('APP',app));await page.waitForLoadState('networkidle').catch(()=>{});await page.waitForTimeout(400);
 for(const st of steps){const [k,...v]=st.split(':');const val=v.join(':');if(k==='click')await page.locator(val).first().click();else if(k==='text')await page.getByText(val,{exact:false}).first().click();else if(k==='btn')await page.getByRole('button',{name:val}).first().click();else if(k==='link')await page.getByRole('link',{name:val}).first().click();else if(k==='key')await page.keyboard.press(val);else if(k==='fill'){const [s,t]=val.split('~');await page.locator(s).first().fill(t);}else if(k==='wait')await page.waitForTimeout(Number(val));await page.waitForTimeout(250);}
 await page.waitForTimeout(300);
 const over=await page.evaluate(()=>document.documentElement.scrollWidth-document.documentElement.clientWidth);if(over>0)console.log('OVERFLOW',name,over);
 await page.screenshot({path:`/tmp/webdev/${name}.png`,fullPage:process.env.FULL==='yes'});console.log(name,page.url());}
await browser.close();
